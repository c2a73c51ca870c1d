// What the examples in the documentation of the types leave out.

type Incoming = { type: string };
type Outgoing = { type: string };
type Codec<In, Out> = import("tautline").Codec<In, Out>;

declare const connect: typeof import("tautline").connect;
declare const TautlineError: typeof import("tautline").TautlineError;
declare const TautSocket: typeof import("tautline/websocket").default;
declare const useSocket: typeof import("tautline/react").useSocket;
declare const useState: typeof import("react").useState;
declare const WebsocketProvider: typeof import("y-websocket").WebsocketProvider;
declare const createClient: typeof import("graphql-ws").createClient;

declare const socket: import("tautline").Socket<Incoming, Outgoing>;
declare const message: Outgoing;
declare const rows: Outgoing[];
declare const doc: import("yjs").Doc;
declare const file: File;
declare const room: string;
declare const url: string;
declare function showThatItIsBusy(): void;

declare module "*.wasm?url" {
  const url: string;
  export default url;
}

declare module "@msgpack/msgpack" {
  export function encode(message: unknown): Uint8Array;
  export function decode(data: Uint8Array): unknown;
}
