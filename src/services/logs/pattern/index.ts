export function compilePattern(text: string): (message: string) => boolean {
  return (message) => message.includes(text);
}
