// A program that has no types of `ws` writes this, or lets everything be `any` that it does not know.

declare module "ws";
