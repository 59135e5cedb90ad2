// The lvm.conf of a site changes the format of LVM's reports, the effect of its commands, and which devices
// count as physical volumes. The settings that pdisk relies on are given with each command: the option
// --config has precedence over every file (lvm.conf(5)). All other settings are the site's: filters, the
// devices file, locks, system ids, udev, the place of metadata backups.

const SECTIONS = {
  log: 'verbose=0 silent=0 indent=1 command_names=0 prefix="  " report_command_log=0',
  report:
    'output_format="basic" compact_output=0 compact_output_cols="" aligned=1 buffered=1 headings=1 separator=" " ' +
    'list_item_separator="," prefixes=0 quoted=1 columns_as_rows=0 binary_values_as_numeric=0 mark_hidden_devices=1 ' +
    // Times in seconds since 1970 (%s of strftime(3)).
    'two_word_unknown_device=0 time_format="%s"',
  global: 'test=0 activation=1 units="b" suffix=0 si_unit_consistency=1',
  // Our volumes are not scanned for physical volumes: a guest may write a label with the name and UUID of our
  // own volume group onto its disk.
  devices: 'scan_lvs=0 allow_changes_with_duplicate_pvs=0',
  // A volume with a missing device is not activated with an error target in its place.
  activation: 'activation_mode="degraded"',
};

/** The value of the option --config of every command. */
export const PINNED = Object.entries(SECTIONS)
  .map(([name, settings]) => `${name} { ${settings} }`)
  .join(' ');
