declare module 'avsc/lib/utils.js' {
  const utils: { Tap: { prototype: { writeString(text: string): void } } };
  export default utils;
}
