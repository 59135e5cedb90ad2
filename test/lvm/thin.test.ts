import { declareLvmSuite } from './support/suite.ts';

declareLvmSuite('thin', true);
