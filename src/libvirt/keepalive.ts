// A peer behind a broken network sends no EOF: only silence shows that it is gone. Any received byte counts
// as a sign of life. After `intervalMs` of silence a PING is sent; after `count` unanswered PINGs the peer
// counts as dead, by the same rule as in libvirtd.

/** When to send PINGs, and when the peer counts as dead. */
export interface KeepaliveSettings {
  /** Silence before a PING, in milliseconds. */
  intervalMs: number;
  /**
   * Unanswered PINGs after which the peer counts as dead: intervalMs * (count + 1) after its last message.
   */
  count: number;
}

/** A running keepalive timer. */
export interface Keepalive {
  /** To be called whenever something is received. */
  heard(): void;
  stop(): void;
}

/** Watches a peer. Calls `ping` to send a PING, and `dead` once, after which it has stopped. */
export function keepalive(settings: KeepaliveSettings, effects: { ping(): void; dead(): void }): Keepalive {
  let unanswered = 0;
  const timer = setTimeout(() => {
    if (unanswered >= settings.count) {
      effects.dead();
      return;
    }
    unanswered += 1;
    timer.refresh();
    effects.ping();
  }, settings.intervalMs);
  timer.unref();
  return {
    heard() {
      unanswered = 0;
      timer.refresh();
    },
    stop: () => clearTimeout(timer),
  };
}
