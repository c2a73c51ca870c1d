// What the examples in the documentation of the server's types leave out.

type Incoming = { type: string };
type Outgoing = { type: string };

declare const durable: typeof import("tautline/server").durable;
declare const setupWSConnection: (socket: import("ws").WebSocket, request: import("node:http").IncomingMessage) => void;

declare const wss: import("ws").WebSocketServer;
declare const sessions: import("tautline/server").ServerSessions<Incoming, Outgoing>;
declare const session: import("tautline/server").Session<Incoming, Outgoing>;
declare const others: Set<typeof session>;
declare const message: Outgoing;
declare const rows: Outgoing[];
declare const schema: import("graphql").GraphQLSchema;
declare const server: import("node:http").Server;
declare function userOf(token: string | null): Promise<{ id: string } | undefined>;
