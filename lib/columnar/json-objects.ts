import { isItemNumber, type JsonPath } from '../core/json-paths.js';

/** An object within the record that declared columns lie in. */
export interface JsonObject {
  readonly name: string;
  /** Number of the object that it lies in; undefined = the record itself. Lower than its own. */
  readonly parent: number | undefined;
  /** Whether it may be an array of which an item is wanted. */
  hasItems: boolean;
}

export interface JsonPlaces {
  readonly objects: readonly JsonObject[];
  /** By column: its name in the object that it lies in. */
  readonly columns: readonly { readonly name: string; readonly parent: number | undefined }[];
}

/** @param paths one a column; none leads through another's place */
export function placesOf(paths: readonly JsonPath[]): JsonPlaces {
  const objects: JsonObject[] = [];
  const columns = paths.map(path => {
    let parent: number | undefined;
    for (const [i, name] of path.entries()) {
      if (parent !== undefined && isItemNumber(name)) objects[parent].hasItems = true;
      if (i === path.length - 1) break;
      let at = objects.findIndex(object => object.name === name && object.parent === parent);
      if (at < 0) at = objects.push({ name, parent, hasItems: false }) - 1;
      parent = at;
    }
    return { name: path[path.length - 1], parent };
  });
  return { objects, columns };
}
