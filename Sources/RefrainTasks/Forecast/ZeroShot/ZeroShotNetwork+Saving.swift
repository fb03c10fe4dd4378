import Refrain
import RefrainData

extension ZeroShotNetwork {
  /// What a file of weights says of their training.
  package struct Progress: Codable, Sendable {
    /// Steps of the optimizer.
    package var step = 0
    /// Seconds of the clock, and of the processor.
    package var seconds = 0.0, processorSeconds = 0.0
    package let hiddenSize: Int, layers: Int

    package init(hiddenSize: Int, layers: Int) { (self.hiddenSize, self.layers) = (hiddenSize, layers) }
  }

  private static let kind = "zero-shot"

  /// Writes the weights, in full precision.
  package func write(_ progress: Progress, to path: String) throws(DataError) {
    try ModelFile.write(self, kind: Self.kind, description: progress, to: path)
  }

  /// The network of a file that ``write(_:to:)`` made, and how far it came.
  package static func read(_ path: String) throws(DataError) -> (network: ZeroShotNetwork, progress: Progress) {
    let contents = try ModelFile.read(
      SafeTensorsFile(contentsOf: path), path: path, kind: kind, description: Progress.self)
    let progress = contents.description
    guard (1...4096).contains(progress.hiddenSize), (1...64).contains(progress.layers) else {
      throw contents.damaged("a network of \(progress.layers) layers of \(progress.hiddenSize) units cannot be")
    }
    try contents.checkSize(Double(parameterCount(hiddenSize: progress.hiddenSize, layers: progress.layers)))
    var generator = RandomGenerator(seed: 0)
    var network = ZeroShotNetwork(
      hiddenSize: progress.hiddenSize, layers: progress.layers, using: &generator)
    try contents.load(into: &network)
    return (network, progress)
  }
}
