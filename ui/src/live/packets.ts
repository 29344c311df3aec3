/** Packets of MQTT 3.1.1 that a page needs, which subscribes with quality of service 0 and publishes nothing. */

const PUBLISH = 3;
const SUBACK = 9;
const CONNACK = 2;
const CONNECT_BYTE = 0x10;
const SUBSCRIBE_BYTE = 0x82;
const UNSUBSCRIBE_BYTE = 0xa2;
/** Codes from here on are refusals. */
const REFUSED = 0x80;
const MAX_LENGTH_DIGITS = 4;

export const PINGREQ = Uint8Array.of(0xc0, 0);
export const DISCONNECT = Uint8Array.of(0xe0, 0);

export type Packet =
  | { type: "connected"; code: number }
  | { type: "message"; topic: string; payload: string; retained: boolean }
  /** Whether each filter of the request was granted. */
  | { type: "subscribed"; id: number; granted: boolean[] }
  | { type: "other" };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const uint16 = (value: number): number[] => [value >> 8, value & 0xff];

function text(value: string): number[] {
  const bytes = encoder.encode(value);
  return [...uint16(bytes.length), ...bytes];
}

function packet(first: number, body: readonly number[]): Uint8Array<ArrayBuffer> {
  const length: number[] = [];
  let left = body.length;
  do {
    const digit = left & 0x7f;
    left >>= 7;
    length.push(left > 0 ? digit | 0x80 : digit);
  } while (left > 0);
  return Uint8Array.from([first, ...length, ...body]);
}

const LEVEL = 4;
const CLEAN_SESSION = 2;

export const connect = (clientId: string, keepAliveS: number): Uint8Array<ArrayBuffer> =>
  packet(CONNECT_BYTE, [...text("MQTT"), LEVEL, CLEAN_SESSION, ...uint16(keepAliveS), ...text(clientId)]);

export const subscribe = (id: number, filters: readonly string[]): Uint8Array<ArrayBuffer> =>
  packet(SUBSCRIBE_BYTE, [...uint16(id), ...filters.flatMap((filter) => [...text(filter), 0])]);

export const unsubscribe = (id: number, filters: readonly string[]): Uint8Array<ArrayBuffer> =>
  packet(UNSUBSCRIBE_BYTE, [...uint16(id), ...filters.flatMap(text)]);

function read(first: number, body: Uint8Array): Packet {
  const at = (index: number): number => body[index] ?? 0;
  switch (first >> 4) {
    case PUBLISH: {
      const topicEnd = 2 + (at(0) << 8) + at(1);
      const hasId = (first & 0b0110) !== 0;
      return {
        type: "message",
        topic: decoder.decode(body.subarray(2, topicEnd)),
        payload: decoder.decode(body.subarray(topicEnd + (hasId ? 2 : 0))),
        retained: (first & 1) === 1,
      };
    }
    case SUBACK:
      return {
        type: "subscribed",
        id: (at(0) << 8) + at(1),
        granted: Array.from(body.subarray(2), (code) => code < REFUSED),
      };
    case CONNACK:
      return { type: "connected", code: at(1) };
    default:
      return { type: "other" };
  }
}

/** Takes packets out of the bytes of a connection, which arrive in pieces of any size. */
export class PacketReader {
  private rest = new Uint8Array(0);

  /** Return the packets that are complete with these bytes; throws for bytes that are not MQTT. */
  take(bytes: Uint8Array): Packet[] {
    let buffer = bytes;
    if (this.rest.length > 0) {
      buffer = new Uint8Array(this.rest.length + bytes.length);
      buffer.set(this.rest);
      buffer.set(bytes, this.rest.length);
    }
    const packets: Packet[] = [];
    let begin = 0;
    for (;;) {
      const [bodyAt, length] = lengthAt(buffer, begin + 1);
      if (bodyAt === undefined || bodyAt + length > buffer.length) break;
      packets.push(read(buffer[begin] ?? 0, buffer.subarray(bodyAt, bodyAt + length)));
      begin = bodyAt + length;
    }
    this.rest = buffer.slice(begin);
    return packets;
  }
}

/** Where the body begins and how long it is, or undefined when the bytes end before that. */
function lengthAt(buffer: Uint8Array, start: number): [bodyAt: number | undefined, length: number] {
  let length = 0;
  for (let digit = 0; digit < MAX_LENGTH_DIGITS; digit++) {
    const byte = buffer[start + digit];
    if (byte === undefined) return [undefined, 0];
    length += (byte & 0x7f) << (7 * digit);
    if (byte < 0x80) return [start + digit + 1, length];
  }
  throw new Error("the length of a packet has more than four bytes");
}
