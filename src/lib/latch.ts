/** Something that others wait for, and that happens once. */
export interface Latch {
  readonly opened: Promise<void>;
  isOpen(): boolean;
  open(): void;
}

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
