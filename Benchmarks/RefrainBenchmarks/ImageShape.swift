import Refrain

/// A batch of sequences of images `[B, T, rows, columns, C]` and a convolutional long short-term memory of F filters.
struct ImageShape {
  let name: String
  let batch, time, rows, columns, channels, filters, kernel: Int

  static let all = [
    ImageShape(name: "frames", batch: 4, time: 10, rows: 64, columns: 64, channels: 1, filters: 16, kernel: 3),
    ImageShape(name: "squares", batch: 8, time: 10, rows: 16, columns: 16, channels: 16, filters: 64, kernel: 3),
    ImageShape(name: "wide", batch: 4, time: 10, rows: 32, columns: 32, channels: 32, filters: 32, kernel: 5),
  ]

  /// The gradient of the sum of all outputs by the weights.
  var training: BenchmarkCase {
    let places = Double(batch * time * rows * columns)
    let operations = 2 * places * Double(kernel * kernel * (channels + filters) * 4 * filters)
    return BenchmarkCase(name: name, mode: "conv-lstm-train", operations: 3 * operations) {
      var generator = RandomGenerator(seed: 0)
      let layer = ConvLSTM(
        stepShape: [rows, columns, channels], filters: filters, kernel: [kernel, kernel], returning: .everyStep,
        using: &generator)
      let x = Tensor.normal([batch, time, rows, columns, channels], using: &generator)
      return { _ = valueAndGradient(at: layer) { $0(x).sum() } }
    }
  }
}
