import Refrain
import RefrainData
import RefrainFoundation

/// The baseline of classification: a linear model of which features a row has (the words in it, its numbers, its
/// categories), whatever their order. It is heard beside the networks where that helps (``LinearShare``).
///
///     p = softmax(W x + b), or σ(W x + b) where a row may have several labels
///
/// W is learned by AdaGrad (Duchi, Hazan and Singer 2011), as long as it helps on held-out rows.
struct LogisticRegression: TensorGroup {
  /// W, `[C, F]`
  private(set) var weight: Tensor
  /// b, `[C]`
  private(set) var bias: Tensor
  private let areSeveral: Bool
  private let bag: BagFeatures

  /// Nothing learned yet; nil where there are no features, or too many.
  init?(_ columns: InputColumns, classes: Int, areSeveral: Bool) {
    bag = BagFeatures(columns)
    guard bag.size > 0, Double(bag.size) * Double(classes) <= Double(BagFeatures.limit) else { return nil }
    weight = .zeros([classes, bag.size])
    bias = .zeros([classes])
    self.areSeveral = areSeveral
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
  }

  /// The features of a row.
  private func features(of row: Int, in rows: EncodedRows) -> [SparseRows.Feature] {
    let features = bag.features(of: row, in: rows)
    // Of length 1, so that a long text speaks no louder than a short one.
    let length = features.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
    guard length > 0 else { return [] }
    return features.map { .init(Int($0.place), $0.value / length) }
  }

  /// The probabilities of rows.
  func probabilities(_ rows: EncodedRows, _ places: some Sequence<Int>) -> [[Float]] {
    let (weights, biases) = (weight.values, bias.values)
    return places.map { probabilities(features(of: $0, in: rows)[...], weights, biases) }
  }

  /// The scores W x + b of rows, row after row.
  func scores(_ rows: EncodedRows, _ places: some Sequence<Int>) -> [Float] {
    let (weights, biases) = (weight.values, bias.values)
    return places.flatMap { scores(features(of: $0, in: rows)[...], weights, biases) }
  }

  private func scores(
    _ features: ArraySlice<SparseRows.Feature>, _ weights: [Float], _ biases: [Float]
  ) -> [Float] {
    let width = weight.shape[1]
    var scores = biases
    for feature in features {
      for place in scores.indices { scores[place] += feature.value * weights[place * width + Int(feature.place)] }
    }
    return scores
  }

  private func probabilities(
    _ features: ArraySlice<SparseRows.Feature>, _ weights: [Float], _ biases: [Float]
  ) -> [Float] {
    let scores = scores(features, weights, biases)
    if areSeveral { return scores.map { 1 / (1 + exp(-$0)) } }
    let greatest = scores.max() ?? 0
    let powers = scores.map { exp($0 - greatest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// Learns of examples; the best weights by the loss on others stay. Many rows are gone through less often: they teach
  /// as much in fewer epochs.
  ///
  /// - Parameter most: How many features are held in memory; nil is left to the machine.
  /// - Throws: Where they are more than that, and the file that they are in fails.
  mutating func fit(
    _ examples: ColumnExamples, heldOut: ColumnExamples, seed: UInt64, epochs: Int = 30, most: Int? = nil
  ) throws(TaskError) {
    let model = self
    func features(_ examples: ColumnExamples) -> SparseRows {
      SparseRows(examples.places.lazy.map { model.features(of: $0, in: examples.rows) }, most: most)
    }
    let (known, others) = (features(examples), features(heldOut))
    try known.requireWhole()
    let (width, classes) = (weight.shape[1], weight.shape[0])
    var (weights, biases) = (weight.values, bias.values)
    var squares = [Float](repeating: 1e-2, count: weights.count)
    var biasSquares = [Float](repeating: 1e-2, count: classes)
    var generator = RandomGenerator(seed: seed)
    var order = LongOrder()
    var (best, patience) = (Float.infinity, 0)
    for _ in 0..<min(epochs, max(3, 4_000_000 / max(1, known.count))) {
      order.begin(known.count)
      order.shuffle(using: &generator)
      for start in stride(from: 0, to: known.count, by: 4096) {
        for example in order[start..<min(start + 4096, known.count)] {
          let features = known[example]
          let probabilities = probabilities(features, weights, biases)
          let target = truth(examples.target(of: example), classes)
          for place in 0..<classes {
            let error = probabilities[place] - target[place]
            biasSquares[place] += error * error
            biases[place] -= 0.3 * error / biasSquares[place].squareRoot()
            guard abs(error) > 1e-6 else { continue }
            for feature in features {
              let index = place * width + Int(feature.place)
              let gradient = error * feature.value
              squares[index] += gradient * gradient
              weights[index] -= 0.3 * gradient / squares[index].squareRoot()
            }
          }
        }
      }
      do throws(TrainingError) { try order.check() } catch { throw TaskError(error.description) }
      var loss: Float = 0
      others.forEachRow { row, features in
        let probabilities = probabilities(features, weights, biases)
        for (probability, truth) in zip(probabilities, truth(heldOut.target(of: row), classes)) {
          if truth > 0 { loss -= log(max(probability, 1e-9)) }
          if areSeveral, truth == 0 { loss -= log(max(1 - probability, 1e-9)) }
        }
      }
      try known.requireWhole()
      try others.requireWhole()
      try examples.targets.requireWhole()
      if loss < best || others.count == 0 {
        (best, patience) = (loss, 0)
        weight = Tensor(weights, shape: weight.shape)
        bias = Tensor(biases)
      } else {
        patience += 1
        if patience == 3 { return }
      }
    }
  }

  /// 0 and 1 for each class.
  private func truth(_ target: ArraySlice<Float>, _ classes: Int) -> [Float] {
    guard !areSeveral else { return Array(target) }
    var values = [Float](repeating: 0, count: classes)
    values[Int(target.first ?? 0)] = 1
    return values
  }
}
