import type { Service } from '../model/service.ts';
import { builtImageName } from '../names.ts';
import { errorAt } from '../positions.ts';
import { findImage } from './images.ts';
import type { ReconcileState } from './state.ts';

/** "" when there is none: the error is recorded, and nothing of this plan will run. */
export function imageIdOf(state: ReconcileState, name: string, service: Service): string {
  const { project, observed, errors, options } = state;
  const image = service.image ?? builtImageName(project.name, name);
  const id = findImage(observed.images, image);
  const fail = (message: string, key: string, hint?: string): string => {
    const path = ['services', name, key];
    const code = key === 'image' && options.pull !== 'always' ? 'missing-image' : 'not-supported';
    errors.push(errorAt(project, [code, message], { path, hint }));
    return '';
  };
  const subject = `image "${image}" of service "${name}"`;
  if (options.build === true && service.build !== undefined) {
    return fail(
      `${subject} is to be built, and building is not possible yet`,
      'build',
      'build it elsewhere, load it, and leave --build',
    );
  }
  if (options.pull === 'always' && service.build === undefined && !isOfThisEngine(image)) {
    return fail(
      `${subject} is to be pulled, and pulling is not possible yet`,
      'image',
      'load it, and leave --pull',
    );
  }
  if (id !== null) return id;
  if (service.build !== undefined) {
    return fail(
      `${subject} is not there, and building is not possible yet`,
      'build',
      'build it elsewhere and load it, or set "image:" to one the engine has',
    );
  }
  return fail(
    `${subject} is not on this engine`,
    'image',
    'load or import it (pulling is not possible yet), or use "tscompose.local/host" for programs of this host',
  );
}

/** Images that no registry has. */
function isOfThisEngine(image: string): boolean {
  return image.startsWith('tscompose.local/');
}
