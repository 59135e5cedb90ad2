import { DISK } from './examples.ts';

// Exactly what the service answers to an administrator; a test compares them.

/** A disk whose guest is asked to let go of it, on a node that does not answer. */
export const explainedDisk = {
  disk: DISK,
  state: 'hot-attached',
  waiting: [
    {
      attachment: 'V1StGXR8_Z5jdHi6B-myT',
      for: 'guest',
      since: '2011-07-28T16:00:00.000Z',
      until: '2011-07-28T16:01:03.000Z',
      next: [
        {
          event: 'UNPLUGGED',
          means: 'the VM has let go of the disk',
        },
        {
          event: 'KEPT',
          means: 'the guest has not let go of the disk',
        },
        {
          event: 'UNPLUG_FAILED',
          means: 'the node could not unplug the disk',
        },
        {
          event: 'NOT_RUNNING',
          means: 'the node reports that the VM does not run',
        },
        {
          event: 'FOUND',
          means: 'the hosts report where the VM is',
        },
        {
          event: 'LEFT',
          means: 'the node reports that the VM was saved or migrates',
        },
        {
          event: 'DIVERTED',
          means: 'the VM is seen to write to another path',
        },
        {
          event: 'NODE_DEAD',
          means: 'an administrator declares the node dead',
        },
      ],
      afterwards: {
        state: 'hot-attached',
        means: 'the disk stays attached, and a new request may ask for it',
      },
    },
  ],
  attachments: [
    {
      id: 'V1StGXR8_Z5jdHi6B-myT',
      state: 'detaching',
      mode: 'hot',
      node: 'onehost-2.lal.in2p3.fr',
      vm_id: '722',
      domain: '4dea22b3-1d52-4f8e-a5a1-0f7d0f0c5a3c',
      target: 'vda',
      since: '2011-07-28T15:20:00.000Z',
      by: 'test',
      away: false,
      doubt: null,
      diverted: null,
      sentences: [
        "VM '722' on node 'onehost-2.lal.in2p3.fr' is asked to let go of it.",
        'It waits for the guest to let go of it since 2011-07-28T16:00:00Z.',
        'What can come next: the VM has let go of the disk; the guest has not let go of the disk; the node could not unplug the disk; the node reports that the VM does not run; the hosts report where the VM is; the node reports that the VM was saved or migrates; the VM is seen to write to another path; an administrator declares the node dead.',
        'If nothing has come until 2011-07-28T16:01:03Z, the disk stays attached, and a new request may ask for it.',
        "Node 'onehost-2.lal.in2p3.fr' has not been reachable since 2011-07-28T15:00:00Z: connection refused.",
      ],
    },
  ],
  others: 0,
  holders: [],
  ways: [
    {
      attachment: 'V1StGXR8_Z5jdHi6B-myT',
      request: 'POST /api/detach',
      inputs: {
        node: 'onehost-2.lal.in2p3.fr',
        vm_id: '722',
      },
      by: ['owner', 'account', 'service', 'admin'],
      allowed: true,
      when: 'when the end of the VM has been seen',
      frees: true,
      sentence:
        'Send POST /api/detach with node=onehost-2.lal.in2p3.fr, vm_id=722, when the end of the VM has been seen: then the disk is free.',
      leads_to: 'released',
    },
    {
      attachment: 'V1StGXR8_Z5jdHi6B-myT',
      request: null,
      inputs: null,
      by: [],
      allowed: true,
      when: 'when the end of the VM has been seen',
      frees: true,
      sentence: 'No request is needed when the end of the VM has been seen: then the disk is free.',
      leads_to: 'released',
    },
    {
      attachment: 'V1StGXR8_Z5jdHi6B-myT',
      request: `POST /api/hotdetach/${DISK}`,
      inputs: {
        node: 'onehost-2.lal.in2p3.fr',
        vm_id: '722',
        force: 'true',
        reason: 'why you know that',
      },
      by: ['admin'],
      allowed: true,
      when: 'if you know that the VM is gone',
      frees: true,
      sentence:
        'Send POST /api/hotdetach/eb198dec-3560-4a9a-b3b4-5f043410a3dd with node=onehost-2.lal.in2p3.fr, vm_id=722, force=true, reason=why you know that, if you know that the VM is gone: then the disk is free.',
      leads_to: 'released',
    },
    {
      attachment: 'V1StGXR8_Z5jdHi6B-myT',
      request: 'POST /api/nodes/onehost-2.lal.in2p3.fr/declare-dead',
      inputs: {
        reason: 'why you know that',
      },
      by: ['admin'],
      allowed: true,
      when: 'if you know that the node and its VMs are gone for good',
      frees: true,
      sentence:
        'Send POST /api/nodes/onehost-2.lal.in2p3.fr/declare-dead with reason=why you know that, if you know that the node and its VMs are gone for good: then the disk is free.',
      leads_to: 'released',
    },
  ],
  sentences: [
    'The disk is used by 1 VM of at most 2, at least one of them hot-plugged.',
    "VM '722' on node 'onehost-2.lal.in2p3.fr' is asked to let go of it.",
    'It waits for the guest to let go of it since 2011-07-28T16:00:00Z.',
    'What can come next: the VM has let go of the disk; the guest has not let go of the disk; the node could not unplug the disk; the node reports that the VM does not run; the hosts report where the VM is; the node reports that the VM was saved or migrates; the VM is seen to write to another path; an administrator declares the node dead.',
    'If nothing has come until 2011-07-28T16:01:03Z, the disk stays attached, and a new request may ask for it.',
    "Node 'onehost-2.lal.in2p3.fr' has not been reachable since 2011-07-28T15:00:00Z: connection refused.",
    'Send POST /api/detach with node=onehost-2.lal.in2p3.fr, vm_id=722, when the end of the VM has been seen: then the disk is free.',
    'No request is needed when the end of the VM has been seen: then the disk is free.',
    'Send POST /api/hotdetach/eb198dec-3560-4a9a-b3b4-5f043410a3dd with node=onehost-2.lal.in2p3.fr, vm_id=722, force=true, reason=why you know that, if you know that the VM is gone: then the disk is free.',
    'Send POST /api/nodes/onehost-2.lal.in2p3.fr/declare-dead with reason=why you know that, if you know that the node and its VMs are gone for good: then the disk is free.',
  ],
};

/** The node of that disk. */
export const explainedNode = {
  node: 'onehost-2.lal.in2p3.fr',
  names: ['onehost-2.lal.in2p3.fr'],
  reachable: false,
  since: '2011-07-28T15:00:00.000Z',
  error: 'connection refused',
  alarm: null,
  declared_dead: null,
  attachments: 1,
  waiting: [
    {
      disk: DISK,
      vm_id: '722',
      attachment: 'V1StGXR8_Z5jdHi6B-myT',
      state: 'detaching',
      for: 'guest',
      since: '2011-07-28T16:00:00.000Z',
      until: '2011-07-28T16:01:03.000Z',
    },
  ],
  others: 0,
  ways: [
    {
      attachment: null,
      request: 'POST /api/nodes/onehost-2.lal.in2p3.fr/declare-dead',
      inputs: {
        reason: 'why you know that',
      },
      by: ['admin'],
      allowed: true,
      when: 'if you know that it and its VMs are gone for good',
      frees: true,
      sentence:
        'Send POST /api/nodes/onehost-2.lal.in2p3.fr/declare-dead with reason=why you know that, if you know that it and its VMs are gone for good: then the disks that are attached there are released.',
      leads_to: 'the disks that are attached there are released',
    },
  ],
  sentences: [
    "Node 'onehost-2.lal.in2p3.fr' has not been reachable since 2011-07-28T15:00:00Z: connection refused.",
    'Attachments to VMs of this node: 1; those that wait: 1.',
    "Disk eb198dec-3560-4a9a-b3b4-5f043410a3dd of VM '722' waits to be let go of since 2011-07-28T16:00:00Z, until 2011-07-28T16:01:03Z.",
    'Send POST /api/nodes/onehost-2.lal.in2p3.fr/declare-dead with reason=why you know that, if you know that it and its VMs are gone for good: then the disks that are attached there are released.',
  ],
};
