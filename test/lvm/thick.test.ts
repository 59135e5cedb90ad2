import { declareLvmSuite } from './support/suite.ts';

declareLvmSuite('thick', false);
