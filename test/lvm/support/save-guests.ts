// Runs outside of the guest with device-mapper: save-guests.ts FOLDER boots two guests, one-7 and one-8, and
// saves them to that folder for tests in there.
import { bootGuest, saveGuest } from '../../../testkit/guest.ts';
import { startLibvirtd } from '../../../testkit/libvirtd.ts';

const folder = process.argv[2] ?? '.';
const libvirtd = await startLibvirtd();
try {
  for (const name of ['one-7', 'one-8']) {
    await saveGuest(libvirtd, await bootGuest(libvirtd, { name, ports: 2 }), folder);
  }
} finally {
  await libvirtd.stop();
}
