// A server component, made anew for each request: the client components in it are rendered on the server as well.

import { Chat } from "../../chat.js";
import { Talk } from "./talk";

export default async function Page({ searchParams }) {
  const { server } = await searchParams;
  return (
    <>
      <Talk server={server} />
      <Chat server={server} />
    </>
  );
}
