import { UUID } from '../../lib/uuid.ts';

const NAME = new RegExp(`^pdisk-(${UUID})$`);
const ANYWHERE = new RegExp(`pdisk-(${UUID})`);
const TAG = 'pdisk';
const UUID_TAG = 'pdisk.uuid=';
const OWNER = 'pdisk.owner=';

/** The logical volume of a disk. */
export const nameOf = (uuid: string): string => `pdisk-${uuid}`;

/** The disk that a logical volume is named for, if it is named as ours are. */
export const uuidOfName = (name: string): string | undefined => NAME.exec(name)?.[1];

/** The disk whose volume's name is in this one, as where a tool put something before or after it. */
export const uuidIn = (name: string): string | undefined => ANYWHERE.exec(name)?.[1];

/** What a volume of ours is tagged with; what is not tagged is never touched. */
export const tagsOf = (uuid: string): readonly string[] => [TAG, `${UUID_TAG}${uuid}`];

/** The disk that a logical volume is tagged for. */
export const uuidOfTags = (tags: readonly string[]): string | undefined =>
  tags.find(tag => tag.startsWith(UUID_TAG))?.slice(UUID_TAG.length);

export const isTagged = (tags: readonly string[]): boolean => tags.includes(TAG);

/** A volume group's tag that says which pdisk uses it. */
export const ownerTag = (owner: string): string => `${OWNER}${owner}`;

export const ownerTags = (tags: readonly string[]): readonly string[] =>
  tags.filter(tag => tag.startsWith(OWNER));

/** The kernel's name for a logical volume: what device-mapper has as its UUID. LVM writes both of its parts with dashes. */
export const dmUuidOf = (vgUuid: string, lvUuid: string): string =>
  `LVM-${vgUuid}${lvUuid}`.replaceAll('-', '').replace(/^LVM/, 'LVM-');
