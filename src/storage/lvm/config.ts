// A site's lvm.conf changes what LVM's reports look like, what its commands do, and which devices it takes for physical volumes. What we
// rely on is said with each command: what is given there comes before every file (lvm.conf(5)). All else is the site's: which devices there
// are (filters, the devices file), locks, system ids, udev, where backups of the metadata go.

const SECTIONS = {
  log: 'verbose=0 silent=0 indent=1 command_names=0 prefix="  " report_command_log=0',
  report:
    'output_format="basic" compact_output=0 compact_output_cols="" aligned=1 buffered=1 headings=1 separator=" " ' +
    'list_item_separator="," prefixes=0 quoted=1 columns_as_rows=0 binary_values_as_numeric=0 mark_hidden_devices=1 ' +
    // In seconds since 1970, strftime(3).
    'two_word_unknown_device=0 time_format="%s"',
  global: 'test=0 activation=1 units="b" suffix=0 si_unit_consistency=1',
  // A guest may write the label of a physical volume onto its disk, with the name and the UUID of our own volume group.
  devices: 'scan_lvs=0 allow_changes_with_duplicate_pvs=0',
  // Nothing in the place of a device that is missing.
  activation: 'activation_mode="degraded"',
};

/** For the option --config of every command. */
export const PINNED = Object.entries(SECTIONS)
  .map(([name, settings]) => `${name} { ${settings} }`)
  .join(' ');
