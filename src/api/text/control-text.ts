import type { Control } from '../../events/control.ts';
import type { ControlMessage } from '../description/event-schema.ts';
import { detailKeys } from './details.ts';
import { differenceKeys } from './event-text.ts';
import { diskKeys } from './representation.ts';

function controlMessage(control: Control): ControlMessage {
  switch (control.control) {
    case 'snapshot': {
      const { sequence, complete } = control;
      const disks = control.view ? control.disks.map(detailKeys) : control.disks.map(diskKeys);
      return { control: 'snapshot', sequence, disks, complete };
    }
    case 'drift':
      return {
        ...control,
        came: control.came.map(differenceKeys),
        gone: control.gone.map(differenceKeys),
      };
    default:
      return control;
  }
}

/** A control message of the event stream as JSON in UTF-8. */
export const controlText = (control: Control): Buffer => Buffer.from(JSON.stringify(controlMessage(control)));
