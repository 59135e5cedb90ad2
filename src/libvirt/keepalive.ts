// A peer behind a dead network never sends EOF: only silence tells. Whatever is received counts as a sign of life; after
// `intervalMs` without any, a PING; after `count` unanswered ones the peer is dead, as libvirtd itself judges it.

export interface KeepaliveSettings {
  /** Silence before a PING, in milliseconds. */
  intervalMs: number;
  /** Unanswered PINGs after which the peer is dead: noticed after intervalMs * (count + 1). */
  count: number;
}

export interface Keepalive {
  /** Something was received. */
  heard(): void;
  stop(): void;
}

/** Watches over a peer; calls `ping` to send a PING, and `dead` once, after which it is stopped. */
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
