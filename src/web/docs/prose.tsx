/** Text with `code` between backticks. */
export const Prose = ({ text }: { readonly text: string }) => (
  <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>
);

/** Something to read or to copy. */
export const Listing = ({ text, label }: { readonly text: string; readonly label: string }) => (
  <figure class="listing" aria-label={label}>
    <pre>{text}</pre>
  </figure>
);
