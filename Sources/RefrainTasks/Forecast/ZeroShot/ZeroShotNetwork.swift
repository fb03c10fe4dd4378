import Refrain

/// A recurrent network that continues series it was never trained on.
///
/// It reads a series in patches of ``patch`` values, each with what simple forecasts expect of the next one and how far
/// off they were, and says how much to trust each of them and what to add:
///
///     median, quantiles = Σₖ softmax(W h)ₖ candidateₖ + (V h)_q
///
/// for every step of the next patch. Patches that are not known yet go in as missing ones, so any number of steps is
/// reached. Values are told from the level of their patch, in units of a usual difference of values a season apart, so
/// that scale and level do not matter.
package struct ZeroShotNetwork: Module {
  /// The values read, and said, at a step of the network.
  package static let patch = 8
  package static let quantiles: [Float] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
  /// No more values than this are read.
  package static let reach = 512
  /// No more patches ahead than this are asked of the network; what it says of the last one holds for all later ones.
  package static let ahead = 8

  package let hiddenSize: Int, layers: Int
  package var entry: Dense
  package var recurrent: Stacked<Recurrent<LSTMCell>>
  /// How much to trust each candidate at each step.
  package var trust: Dense
  /// What to add, for each step and quantile.
  package var head: Dense

  package init(hiddenSize: Int, layers: Int, using generator: inout RandomGenerator) {
    (self.hiddenSize, self.layers) = (hiddenSize, layers)
    entry = Dense(inputSize: ZeroShotPatches.features, outputSize: hiddenSize, using: &generator)
    recurrent = Stacked(
      inputSize: hiddenSize, hiddenSizes: Array(repeating: hiddenSize, count: layers), returning: .everyStep,
      using: &generator)
    trust = Dense(inputSize: hiddenSize, outputSize: Self.patch * ZeroShotCandidates.count, using: &generator)
    head = Dense(inputSize: hiddenSize, outputSize: Self.patch * Self.quantiles.count, using: &generator)
    head.weight = head.weight * 0.1
  }

  /// How many weights a network of some size has.
  static func parameterCount(hiddenSize: Int, layers: Int) -> Int {
    let outputs = patch * (ZeroShotCandidates.count + quantiles.count)
    return (ZeroShotPatches.features + 1) * hiddenSize + layers * 4 * hiddenSize * (2 * hiddenSize + 1)
      + (hiddenSize + 1) * outputs
  }

  package mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try entry.forEachTensor(under: "entry", body)
    try recurrent.forEachTensor(under: "recurrent", body)
    try trust.forEachTensor(under: "trust", body)
    try head.forEachTensor(under: "head", body)
  }

  /// The trust in each candidate, `[B, T, patch, K]`, and what is added, `[B, T, patch, Q]`, from inputs
  /// `[B, T, width]`.
  func parts(_ input: Tensor) -> (trust: Tensor, added: Tensor) {
    let (batch, time) = (input.shape[0], input.shape[1])
    let read = recurrent(tanh(entry(input.slice(0..<ZeroShotPatches.features, axis: 2))))
    return (
      trust(read).reshaped([batch, time, Self.patch, ZeroShotCandidates.count]).softmax(),
      head(read).reshaped([batch, time, Self.patch, Self.quantiles.count])
    )
  }

  /// The quantiles of the next patch from the level of each, in the unit of the series, `[B, T, patch, Q]`, from inputs
  /// `[B, T, width]`.
  package func callAsFunction(_ input: Tensor) -> Tensor {
    let (batch, time) = (input.shape[0], input.shape[1])
    let count = ZeroShotCandidates.count
    let (trust, added) = parts(input)
    let candidates = input.slice(ZeroShotPatches.features..<ZeroShotPatches.width, axis: 2)
      .reshaped([batch, time, count, Self.patch])
    // A sum over few candidates, of each all steps at once.
    var sum = added
    for index in 0..<count {
      let share = trust.slice(index..<index + 1, axis: 3)
      let values = candidates.slice(index..<index + 1, axis: 2).reshaped([batch, time, Self.patch, 1])
      sum = sum + share * values
    }
    return sum
  }
}
