import { malformed } from './codec.ts';

/** OpenSSH's cap in both directions (`SFTP_MAX_MSG_LENGTH`): a longer packet is a stream gone astray. */
const maxPacketBytes = 256 * 1024;

/** Cuts the byte stream of a channel, in whatever chunks it arrives, into packets without their length. */
export class PacketReader {
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes that must be held before there is anything to do. */
  #wanted = 4;

  /** Throws RemoteProtocol on an impossible length. A packet given out is valid as long as its chunk is. */
  *push(chunk: Buffer): Generator<Buffer, void, void> {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#wanted) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#held);
    let at = 0;
    this.#wanted = 4;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at);
      if (length < 5 || length > maxPacketBytes) {
        throw malformed(`a packet of ${length} bytes`, bytes.subarray(at));
      }
      if (bytes.length - at < 4 + length) {
        this.#wanted = 4 + length;
        break;
      }
      yield bytes.subarray(at + 4, at + 4 + length);
      at += 4 + length;
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#held = bytes.length - at;
  }
}
