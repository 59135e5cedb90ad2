/** An event that happens once and that any number of callers can wait for. */
export interface Latch {
  readonly opened: Promise<void>;
  isOpen(): boolean;
  open(): void;
}

/** A closed latch; `open` resolves `opened`, for good. */
export function createLatch(): Latch {
  let resolve = (): void => {};
  let isOpen = false;
  const opened = new Promise<void>(done => {
    resolve = done;
  });
  return {
    opened,
    isOpen: () => isOpen,
    open() {
      isOpen = true;
      resolve();
    },
  };
}
