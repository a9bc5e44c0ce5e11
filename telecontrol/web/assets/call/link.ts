/** A socket that comes back by itself, with a ticket that is renewed before it is too old. */
import type { Ticket } from "./types";

export type Message = { type: string } & Record<string, unknown>;
export type GetTicket = () => Promise<Ticket>;

/** A ticket lives ten minutes; the machine's clock may be wrong, so its age is counted from when it came. */
const TICKET_AGE_MS = 8 * 60_000;
/** The server pings every 20 s: three missing ones, and the socket is dead whatever the system says. */
const SILENCE_MS = 65_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/** The page may not enter: asking again would change nothing. */
export class NotAllowed extends Error {
  constructor(readonly reason: string) {
    super(reason);
  }
}

export interface LinkHandlers {
  /** First message of each socket, without its ticket. */
  hello: () => Message;
  onMessage: (message: Message) => void;
  onUp: (isUp: boolean) => void;
  onRefused: (reason: string) => void;
}

export class Link {
  private socket: WebSocket | null = null;
  private ticket: Ticket | null = null;
  private ticketAt = 0;
  private isClosed = true;
  private isOpening = false;
  private failures = 0;
  private heardAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly getTicket: GetTicket,
    private readonly handlers: LinkHandlers,
    private readonly options: { sendsTicket: boolean } = { sendsTicket: true },
  ) {}

  open(): void {
    this.isClosed = false;
    this.failures = 0;
    clearInterval(this.watch);
    this.watch = setInterval(() => this.checkSilence(), 5_000);
    void this.connect();
  }

  /** True when the message has gone to a socket that was open. */
  send(message: Message): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Try now, not when the delay is over: the page came back, or the network did. */
  wake(): void {
    if (this.isClosed) return;
    const isOpen = this.socket?.readyState === WebSocket.OPEN;
    if (isOpen && Date.now() - this.heardAt < SILENCE_MS / 2) return;
    if (isOpen) this.drop();
    this.failures = 0;
    void this.connect();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    clearInterval(this.watch);
    this.drop();
  }

  renew(token: string): void {
    if (this.ticket !== null) this.keep({ ...this.ticket, token });
  }

  forgetTicket(): void {
    this.ticket = null;
  }

  /** The ticket in hand, or a new one. */
  async current(): Promise<Ticket> {
    if (this.ticket === null || Date.now() - this.ticketAt > TICKET_AGE_MS) this.keep(await this.getTicket());
    return this.ticket as Ticket;
  }

  private keep(ticket: Ticket): void {
    this.ticket = ticket;
    this.ticketAt = Date.now();
  }

  private async connect(): Promise<void> {
    clearTimeout(this.timer);
    if (this.isClosed || this.isOpening || this.socket !== null) return;
    this.isOpening = true;
    try {
      const ticket = await this.current();
      if (!this.isClosed) this.attach(new WebSocket(ticket.url), ticket);
    } catch (error) {
      if (error instanceof NotAllowed) this.handlers.onRefused(error.reason);
      else this.retryLater();
    } finally {
      this.isOpening = false;
    }
  }

  private attach(socket: WebSocket, ticket: Ticket): void {
    this.socket = socket;
    socket.onopen = () => {
      this.heardAt = Date.now();
      const hello = this.handlers.hello();
      socket.send(JSON.stringify(this.options.sendsTicket ? { ...hello, ticket: ticket.token } : hello));
    };
    socket.onmessage = (event) => this.hear(socket, String(event.data));
    socket.onclose = () => this.lose(socket);
  }

  private hear(socket: WebSocket, text: string): void {
    if (socket !== this.socket) return;
    this.heardAt = Date.now();
    const message = JSON.parse(text) as Message;
    if (message.type === "ping") {
      this.send({ type: "pong" });
      return;
    }
    if (message.type !== "refused") this.failures = 0;
    if (message.type === "welcome") this.handlers.onUp(true);
    this.handlers.onMessage(message);
  }

  private lose(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    this.handlers.onUp(false);
    this.retryLater();
  }

  private retryLater(): void {
    if (this.isClosed) return;
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
    this.failures += 1;
    clearTimeout(this.timer);
    // A little chance, so that a restarted server does not meet everybody in the same instant.
    this.timer = setTimeout(() => void this.connect(), delay * (0.75 + Math.random() * 0.5));
  }

  private checkSilence(): void {
    if (this.socket?.readyState === WebSocket.OPEN && Date.now() - this.heardAt > SILENCE_MS) {
      this.drop();
      this.handlers.onUp(false);
      void this.connect();
    }
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
