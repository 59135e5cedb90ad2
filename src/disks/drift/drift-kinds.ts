/** Every kind of drift, with a sentence for the API's documentation. */
export const driftKinds = {
  'unrecorded-use': 'A live domain has the disk, and no attachment accounts for it.',
  'definition-keeps':
    "A VM's definition has a disk that is not registered for it: its next start takes it without asking.",
  'diverted-source': "A live domain writes to something else than the disk's volume: an overlay, or a copy.",
  'machine-in-doubt': 'It is not known what became of the VM, and a person must say.',
  'machine-away': 'The VM was saved to a file or has migrated, and is not found yet.',
  'volume-lost': 'The disk has no volume in the pool.',
  leftover: 'A volume belongs to no disk.',
  stranger: 'Something in the pool bears the name of a disk and is not its volume.',
  'node-alarm': 'What a node says of its VMs is not believed.',
  'node-silent': 'A node on which disks are attached, or may be, does not tell.',
  'node-dead': 'A node was declared dead, and disks are attached there.',
  'pool-unseen': 'The pool does not tell what is in it.',
} as const;

/** The name of a kind of drift, as clients and metrics see it. */
export type DriftKind = keyof typeof driftKinds;
