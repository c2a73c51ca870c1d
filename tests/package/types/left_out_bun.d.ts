// What the examples for Bun leave out, and what they use of Bun.

declare const sessions: import("tautline/server/bun").BunSessions<{ type: string }>;

declare namespace Bun {
  interface Server {
    upgrade(request: Request, options?: { data?: unknown; headers?: Headers | Record<string, string> }): boolean;
    requestIP(request: Request): { address: string; port: number; family: "IPv4" | "IPv6" } | null;
  }
  interface ServerWebSocket {
    readonly data: unknown;
    send(data: string | ArrayBufferLike | ArrayBufferView): number;
    close(code?: number, reason?: string): void;
  }
  function serve(options: {
    fetch(request: Request, server: Server): Response | undefined | Promise<Response | undefined>;
    websocket: {
      message(socket: ServerWebSocket, message: string | Buffer): void | Promise<void>;
      open?(socket: ServerWebSocket): void | Promise<void>;
      drain?(socket: ServerWebSocket): void | Promise<void>;
      close?(socket: ServerWebSocket, code: number, reason: string): void | Promise<void>;
      ping?(socket: ServerWebSocket, data: Buffer): void | Promise<void>;
      pong?(socket: ServerWebSocket, data: Buffer): void | Promise<void>;
      maxPayloadLength?: number;
      perMessageDeflate?: boolean;
    };
  }): Server;
}
