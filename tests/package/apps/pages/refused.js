// Connects where wasm must not run, with the entry that the address names, and says what it is told.

const { entry, server } = Object.fromEntries(new URLSearchParams(location.search));
const { connect, TautlineError } = await import(`../node_modules/tautline/${entry}.js`);

const socket = connect(server);
for (const type of ["error", "close"]) socket.addEventListener(type, () => console.log(type));
const error = await socket.opened.catch((error) => error);
const { code } = await socket.closed;
console.log(`${error instanceof TautlineError} ${error.code}: ${error.message}`);
console.log(`closed with ${code}, ${socket.state}`);
