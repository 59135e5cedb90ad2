/** A timer of the simulation. */
export interface Timer {
  at: number;
  /** Timers of one moment run in the order in which they were set. */
  order: number;
  readonly run: () => void;
  /** The period of an interval; undefined: the timer fires once. */
  readonly everyMs: number | undefined;
  cancelled: boolean;
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A binary heap of timers. Cancelled ones stay in it until their time, because most are short. */
export function createTimerQueue() {
  const heap: Timer[] = [];
  let orders = 0;

  function push(timer: Timer): void {
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Timer;
      if (!isBefore(timer, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = timer;
  }

  function pop(): void {
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      if (!isBefore(heap[child] as Timer, last)) break;
      heap[index] = heap[child] as Timer;
      index = child;
    }
    heap[index] = last;
  }

  function again(timer: Timer, at: number): void {
    timer.at = at;
    orders += 1;
    timer.order = orders;
    push(timer);
  }

  return {
    again,
    add(at: number, run: () => void, everyMs: number | undefined): Timer {
      const timer: Timer = { at, order: 0, run, everyMs, cancelled: false };
      again(timer, at);
      return timer;
    },
    cancel(timer: Timer | undefined): void {
      if (timer) timer.cancelled = true;
    },
    /** Removes and returns the next timer that is due at `until` or before. */
    next(until: number): Timer | undefined {
      for (let timer = heap[0]; timer && timer.at <= until; timer = heap[0]) {
        pop();
        if (!timer.cancelled) return timer;
      }
      return undefined;
    },
  };
}
