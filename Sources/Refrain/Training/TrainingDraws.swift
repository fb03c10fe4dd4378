/// Draws from what the batch that is learned from draws from, as dropout does; nil where nothing is being trained, so
/// that what changes examples leaves those alone that a model is judged by:
///
///     let seen = drawingInTraining { generator in
///       batch.input + .normal(batch.input.shape, deviation: 0.05, using: &generator)
///     } ?? batch.input
///
/// What is drawn follows from the seed and the position of the batch: a training that goes on from a saved state draws
/// the same, and so does one on any number of threads. Of processes that share a batch each draws its own.
///
/// - Parameter body: Draws. It is called in a loss, by the thread that trains, and calls no layer.
public func drawingInTraining<Result, E: Error>(
  _ body: (inout RandomGenerator) throws(E) -> Result
) throws(E) -> Result? {
  guard let tape = Tape.training else { return nil }
  return try tape.drawingOwn(body)
}
