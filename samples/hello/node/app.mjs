export const handler = async (event) => {
  const name = event.name ?? "World";
  console.log(`greeting ${name}`);
  return { message: `Hello, ${name}!` };
};
