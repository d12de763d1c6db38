/** The onnxruntime-node module, loaded on first use: its native library is large and most commands of a session need none. */
export async function loadOnnxRuntime(): Promise<typeof import('onnxruntime-node')> {
  const loaded = await import('onnxruntime-node');
  // Imported from CommonJS, the module's exports are its `default` too.
  return 'InferenceSession' in loaded ? loaded : (loaded as { default: typeof import('onnxruntime-node') }).default;
}
