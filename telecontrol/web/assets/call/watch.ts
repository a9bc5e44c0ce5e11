/** Who waits in several rooms at once, for a doctor's other pages: pushed, and asked every 10 s when the push does not pass. */
import { Link, type Message } from "./link";
import type { PeerState, Ticket } from "./types";

export interface Waiting {
  roomId: string;
  state: PeerState;
  since: string | null;
}

export interface WatchOptions {
  /** One doctor's ticket for each room. */
  getTickets: () => Promise<Ticket[]>;
  onChange: (rooms: Waiting[]) => void;
  /** Somebody has begun to wait: ring, badge. */
  onArrival?: (room: Waiting) => void;
  pollMs?: number;
}

/** Start watching; the answer stops it. */
export function watchWaiting(options: WatchOptions): () => void {
  const rooms = new Map<string, Waiting>();
  let tickets: Ticket[] = [];
  let isUp = false;

  const hear = (said: Message): void => {
    if (said.type !== "waiting") return;
    isUp = true;
    const room = { roomId: String(said.room_id), state: said.state as PeerState, since: (said.since as string | null) ?? null };
    const before = rooms.get(room.roomId)?.state ?? "absent";
    rooms.set(room.roomId, room);
    if (room.state === "waiting" && before !== "waiting" && before !== "away") options.onArrival?.(room);
    options.onChange([...rooms.values()]);
  };

  const link = new Link(
    async () => {
      tickets = await options.getTickets();
      const first = tickets[0];
      if (first === undefined) throw new Error("no room to watch");
      return { ...first, url: first.url.replace(/\/calls\/.*$/, "/calls/watch") };
    },
    {
      hello: () => ({ type: "watch", tickets: tickets.map((ticket) => ticket.token) }),
      onMessage: hear,
      onUp: (up) => (isUp = up),
      onRefused: () => undefined,
    },
    { sendsTicket: false },
  );

  const poll = async (): Promise<void> => {
    if (isUp || tickets.length === 0) return;
    const address = (tickets[0] as Ticket).url.replace(/^ws/, "http").replace(/\/calls\/.*$/, "/calls/waiting");
    const body = JSON.stringify({ tickets: tickets.map((ticket) => ticket.token) });
    const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body }).catch(() => null);
    if (answer?.ok) {
      for (const room of ((await answer.json()) as { rooms: Message[] }).rooms) hear(room);
      isUp = false;
    }
  };

  const wake = (): void => {
    if (!document.hidden) link.wake();
  };
  const polling = setInterval(() => void poll(), options.pollMs ?? 10_000);
  document.addEventListener("visibilitychange", wake);
  link.open();
  return () => {
    clearInterval(polling);
    document.removeEventListener("visibilitychange", wake);
    link.close();
  };
}
