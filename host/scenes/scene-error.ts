/** What is wrong with a scene that somebody asked for, in one line that names it. */
export class SceneError extends Error {
  override name = "SceneError";
}
