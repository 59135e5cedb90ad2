import { declareLvmSuite } from './support/suite.ts';

declareLvmSuite(false);
