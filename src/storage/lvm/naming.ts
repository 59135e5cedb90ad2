import { UUID } from '../../lib/uuid.ts';

const NAME = new RegExp(`^pdisk-(${UUID})$`);
const ANYWHERE = new RegExp(`pdisk-(${UUID})`);
const TAG = 'pdisk';
const UUID_TAG = 'pdisk.uuid=';
const OWNER = 'pdisk.owner=';

/** The name of a disk's logical volume. */
export const nameOf = (uuid: string): string => `pdisk-${uuid}`;

/** The disk UUID in the name of a logical volume of ours; undefined for any other name. */
export const uuidOfName = (name: string): string | undefined => NAME.exec(name)?.[1];

/** The disk UUID in a name that contains a name of ours, such as one to which a tool has added a suffix. */
export const uuidIn = (name: string): string | undefined => ANYWHERE.exec(name)?.[1];

/** The tags of a volume of ours; a volume without them is never touched. */
export const tagsOf = (uuid: string): readonly string[] => [TAG, `${UUID_TAG}${uuid}`];

/** The disk UUID in the tags of a logical volume. */
export const uuidOfTags = (tags: readonly string[]): string | undefined =>
  tags.find(tag => tag.startsWith(UUID_TAG))?.slice(UUID_TAG.length);

/** Whether the tags are those of a volume of ours. */
export const isTagged = (tags: readonly string[]): boolean => tags.includes(TAG);

/** The tag of a volume group that names the pdisk that uses it. */
export const ownerTag = (owner: string): string => `${OWNER}${owner}`;

/** The owner tags among the tags of a volume group. */
export const ownerTags = (tags: readonly string[]): readonly string[] =>
  tags.filter(tag => tag.startsWith(OWNER));

/** The device-mapper UUID of a logical volume: the two UUIDs without the dashes that LVM writes in them. */
export const dmUuidOf = (vgUuid: string, lvUuid: string): string =>
  `LVM-${vgUuid}${lvUuid}`.replaceAll('-', '').replace(/^LVM/, 'LVM-');
