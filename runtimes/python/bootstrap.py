"""Starts the runtime. A file of its own because Python compiles the file it is given every time,
and keeps the compiled form of what is imported."""

from lambent_runtime import main

main()
