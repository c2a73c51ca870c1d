// Mistakes with `tautline/react`.

import { useSocket } from "tautline/react";

export function useMistakes() {
  // a component's message of the wrong type → 'number' is not assignable to parameter of type 'string'
  useSocket<string>("/").send(1);
  // a component's message that may not be there yet → is possibly 'undefined'
  useSocket<string>("/").message.length;
  // an onMessage for other messages → is not assignable to type '(message: string) => void'
  useSocket<string>("/", { onMessage: (n: number) => n });
  // a component's URL that is none → '1' is not assignable to parameter of type 'MaybeUrl'
  useSocket(1);
}
