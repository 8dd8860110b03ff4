/// <reference types="svelte" />
/// <reference types="vite/client" />

declare module "*.svg?icon" {
  const inner: string;
  export default inner;
}
