import { processEnvironment } from '../experiments/environment.ts';
import { EngineService } from './engineService.ts';
import { serve } from './host.ts';

// The worker process: everything it does is in the service.
serve(new EngineService(processEnvironment()));
