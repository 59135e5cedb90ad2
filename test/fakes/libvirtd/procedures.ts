// What a fake libvirtd can be asked: what our client asks, and what a client could that looks at a machine more closely.

import type { Domain } from '../../../src/libvirt/domain.ts';
import { domain, type Procedure, procedures } from '../../../src/libvirt/procedures.ts';
import { int32, struct } from '../../../src/libvirt/xdr.ts';

const isPersistent: Procedure<{ domain: Domain }, { result: number }> = {
  number: 151,
  args: struct({ domain }),
  result: struct({ result: int32 }),
};

export const spoken = { domainIsPersistent: isPersistent, ...procedures };
