/** libvirt's version number as text: 9000000 is 9.0.0. */
export const versionText = (version: number): string =>
  [Math.floor(version / 1_000_000), Math.floor(version / 1000) % 1000, version % 1000].join('.');
