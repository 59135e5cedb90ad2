import { curlOf } from './curl.ts';
import { bodiesOf, type Operation } from './document.ts';
import { Listing, Prose } from './prose.tsx';

interface StepText {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly query?: string;
  readonly flags?: readonly string[];
}

const running: readonly StepText[] = [
  {
    id: 'createDisk',
    title: 'Create a disk',
    text: '`size` is in GiB. The answer is the uuid of the disk: keep it in the shell, as `uuid=a00539f7-d40d-4d8d-95c0-5b0c9713c92e`.',
  },
  {
    id: 'hotattach',
    title: 'Plug it into a running VM',
    text:
      '`node` is the host name of the hypervisor and `vm_id` the name of the VM there. The answer has all disks of the VM. ' +
      'In the guest the disk is `/dev/disk/by-id/virtio-` and the first 20 digits of its uuid without dashes; make a file system on it once, then mount it.',
  },
  {
    id: 'showDisk',
    title: 'Look at it',
    flags: ['-i'],
    text: 'The header `X-DiskUser-Remaining` says how many more VMs may use the disk.',
  },
  {
    id: 'hotdetach',
    title: 'Unplug it',
    text: 'Unmount it in the guest first: this answers when the guest has released the disk. Then plug it into another VM: it still has every byte.',
  },
  { id: 'deleteDisk', title: 'Delete it', text: 'Only a disk that no VM uses can be deleted.' },
];

const launching: readonly StepText[] = [
  {
    id: 'attach',
    title: 'Register the VM',
    text: 'From now on the VM counts as a user of the disk. See `X-DiskUser-Remaining` first: the request does not check whether the disk is free.',
  },
  {
    id: 'libvirtElement',
    title: 'Take the element for its domain XML',
    text: 'Put it among the devices of the domain. Its target is reserved for this disk in this VM.',
    query: '?node=onehost-2.lal.in2p3.fr&vm_id=722',
  },
  {
    id: 'detach',
    title: 'Release its disks when it has been killed',
    text: 'All of them at once. While the VM still runs this is refused.',
  },
];

function Step({ operation, step }: { readonly operation: Operation; readonly step: StepText }) {
  const [status, response] = Object.entries(operation.responses).find(([code]) => code.startsWith('2')) ?? [];
  const body = response && bodiesOf(response)[0]?.body;
  return (
    <li>
      <h3>
        <a href={`#${step.id}`}>{step.title}</a>
      </h3>
      <p>
        <Prose text={step.text} />
      </p>
      <Listing label={`${step.title}: the command`} text={curlOf(operation, step)} />
      {body && <Listing label={`${step.title}: the answer, ${status}`} text={body} />}
    </li>
  );
}

function Steps(props: { readonly steps: readonly StepText[]; readonly operations: readonly Operation[] }) {
  const shown = props.steps.flatMap(step => {
    const operation = props.operations.find(({ operationId }) => operationId === step.id);
    return operation ? [<Step key={step.id} operation={operation} step={step} />] : [];
  });
  return <ol class="story">{shown}</ol>;
}

/** A tutorial: how a disk is used, step by step. */
export const Story = ({ operations }: { readonly operations: readonly Operation[] }) => (
  <>
    <section id="begin">
      <h2>From nothing to a disk in a VM</h2>
      <p>Say once where the service is and who you are:</p>
      <Listing label="Settings for the shell" text={`pdisk=${location.origin}\naccount='NAME:PASSWORD'`} />
      <Steps steps={running} operations={operations} />
    </section>
    <section id="launch">
      <h2>For a VM that is yet to be launched</h2>
      <p>The cloud's frontend does this for every VM, and owners for their own disks.</p>
      <Steps steps={launching} operations={operations} />
    </section>
  </>
);
