/** Whether a file, a folder or a program is not there (ENOENT, errno(3)). */
export const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
