import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("A convolution over time")
struct Convolution1DTests {
  static let layers: [Conv1D] = [
    Conv1D(4, kernel: 3, padding: .valid), Conv1D(4, kernel: 4, padding: .same, activation: .tanh),
    Conv1D(4, kernel: 3, padding: .causal), Conv1D(4, kernel: 2, stride: 2, padding: .valid),
    Conv1D(4, kernel: 3, stride: 2, padding: .causal), Conv1D(4, kernel: 1),
  ]
  private let lengths = [3, 6, 0, 1]

  private func built(_ layer: Conv1D) -> Conv1D {
    var generator = RandomGenerator(seed: 1)
    return layer.built(for: [nil, nil, 3], using: &generator).filledWithRamps()
  }

  @Test("is for each sequence what it is alone, whatever stands behind it", arguments: layers)
  func ragged(_ layer: Conv1D) {
    let layer = built(layer)
    let x = ramp([4, 6, 3])
    var steps = Steps(lengths: lengths)
    let outputs = layer(x, passing: &steps)
    #expect(outputs.shape == [4, layer.outputLength(6), 4] && steps.lengths == lengths.map(layer.outputLength))
    let noise = Tensor(repeating: .nan, shape: x.shape)
    let mask = Steps(lengths: lengths).mask(batch: 4, time: 6).reshaped([4, 6, 1])
    expectSameBits(layer(select(mask, x, noise), lengths: lengths), outputs)
    for (row, length) in lengths.enumerated() {
      let alone = layer(x.slice(row..<row + 1, axis: 0).slice(0..<length, axis: 1))
      let valid = layer.outputLength(length)
      #expect(alone.shape == [1, valid, 4])
      let ours = outputs.slice(row..<row + 1, axis: 0)
      expectClose(ours.slice(0..<valid, axis: 1), alone)
      let rest = ours.slice(valid..<ours.shape[1], axis: 1)
      #expect(rest == .zeros(rest.shape))
    }
  }

  @Test("has gradients that agree with differences", arguments: layers)
  func gradient(_ layer: Conv1D) {
    let x = ramp([4, 6, 3], 0.7)
    expectGradientMatchesDifferences(at: built(layer)) { [$0(x, lengths: lengths)] }
    let layer = built(layer)
    expectGradientMatchesDifferences(at: [x]) { [layer($0[0], lengths: lengths)] }
  }

  @Test("sees no later step when it is causal")
  func causal() {
    let layer = built(Conv1D(4, kernel: 3, padding: .causal))
    let x = ramp([1, 6, 3])
    let changed = concatenate([x.slice(0..<4, axis: 1), ramp([1, 2, 3], 9)], axis: 1)
    expectClose(layer(changed).slice(0..<4, axis: 1), layer(x).slice(0..<4, axis: 1))
    #expect(layer(changed) != layer(x))
  }

  @Test("passes on the lengths that its output has")
  func lengthsOfOutput() {
    let model = Sequential(inputSize: 3, seed: 1) {
      Conv1D(4, kernel: 2, stride: 2, padding: .valid)
      LSTM(5)
    }
    let x = ramp([2, 7, 3])
    let outputs = model(x, lengths: [7, 4])
    let frames = model.layers[0](x, lengths: [7, 4])
    expectSameBits(outputs, model.layers[1](frames, lengths: [3, 2]))
    let alone = model(x.slice(1..<2, axis: 0).slice(0..<4, axis: 1))
    expectClose(outputs.slice(1..<2, axis: 0), alone)
  }

  @Test("counts in the loss where its output has steps")
  func loss() {
    var model = Sequential(inputSize: 3, seed: 1) { Conv1D(2, kernel: 2, padding: .valid) }
    model.compile(optimizer: SGD(learningRate: 0), loss: .meanSquaredError)
    let x = ramp([2, 5, 3])
    let target = ramp([2, 4, 2], 3)
    let ragged = model.evaluate(x, target, lengths: [5, 2])
    // The four steps of the first sequence and the one of the second.
    let (whole, part) = (model(x), model(x, lengths: [5, 2]))
    let differences = (0..<2).flatMap { row in
      (0..<(row == 0 ? 4 : 1)).flatMap { step in
        (0..<2).map { (row == 0 ? whole : part)[row, step, $0] - target[row, step, $0] }
      }
    }
    let expected = differences.map { $0 * $0 }.reduce(0, +) / Float(differences.count)
    #expect(abs(ragged.loss - expected) < 1e-5)
  }

  @Test("says what does not fit")
  func errors() {
    func problem(_ layer: Conv1D, _ shape: [Int?] = [nil, nil, 3]) -> String {
      do throws(LayerError) {
        _ = try layer.outputShape(for: shape)
        return ""
      } catch { return error.description }
    }
    #expect(problem(Conv1D(4, kernel: 3), [nil, 3]).contains("expected [B, T, I]"))
    #expect(problem(Conv1D(4, kernel: 0)).contains("the kernel is 0"))
    #expect(problem(Conv1D(4, kernel: 3, stride: 2)).contains("padding 'same' has a stride of 1, not 2"))
    #expect(problem(Conv1D(0, kernel: 3)).contains("the number of filters is 0"))
    #expect(try! Conv1D(4, kernel: 3, padding: .valid).outputShape(for: [nil, 2, 3]) == [nil, 0, 4])
  }
}
