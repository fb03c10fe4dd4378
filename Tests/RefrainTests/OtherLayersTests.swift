import RefrainTestSupport
import Testing

@testable import Refrain

/// Layers that other programs' models have beside the recurrent ones.
@Suite("Layers around recurrent ones")
struct OtherLayersTests {
  @Test("gradients agree with central differences")
  func gradients() {
    var generator = RandomGenerator(seed: 2)
    func check<L: Layer>(_ layer: L, _ shape: [Int?], lengths: [Int]? = nil, isLearned: Bool = true) {
      let built = layer.built(for: shape, using: &generator)
      let input = ramp(shape.enumerated().map { $1 ?? ($0 == 0 ? 3 : 5) }, 0.37)
      if isLearned { expectGradientMatchesDifferences(at: [built]) { [$0[0](input, lengths: lengths)] } }
      expectGradientMatchesDifferences(at: Values(x: input), "\(L.kind) by its input") {
        [built($0.x, lengths: lengths)]
      }
    }
    // The statistics of a normalization are not learned.
    check(BatchNorm(), [nil, nil, 2], lengths: [5, 2, 0], isLearned: false)
    check(ParametricReLU(sharedAxes: [1]), [nil, nil, 2])
    check(Pooling1D(.maximum, size: 2), [nil, nil, 2], lengths: [5, 3, 1])
    check(Pooling1D(.average, size: 3, stride: 2, padding: .same), [nil, nil, 2], lengths: [5, 3, 1])
    check(GlobalPooling1D(.average), [nil, nil, 2], lengths: [5, 3, 1])
    check(GlobalPooling1D(.maximum), [nil, nil, 2], lengths: [5, 3, 1])
    check(RepeatVector(3), [nil, 2])
    check(Permute([2, 1]), [nil, 5, 2])
    check(TimeReversal(), [nil, nil, 2], lengths: [5, 3, 1])
    check(LastStep(), [nil, nil, 2], lengths: [5, 3, 1])
    check(TimeDistributed(Conv1D(2, kernel: 2, padding: .valid, activation: .tanh)), [nil, nil, 3, 2])
  }

  @Test("a padded sequence gives what it gives alone")
  func padding() {
    var generator = RandomGenerator(seed: 2)
    let input = Tensor.normal([2, 7, 3], using: &generator)
    let layers: [any Layer] =
      PoolingFunction.allCases.flatMap { function -> [any Layer] in
        Pooling1D.Padding.allCases.flatMap { padding in
          [(2, 2), (3, 1), (3, 2), (4, 3)].map { Pooling1D(function, size: $0, stride: $1, padding: padding) }
        } + [GlobalPooling1D(function)]
      } + [TimeReversal(), LastStep()]
    for layer in layers {
      for length in 1...7 {
        var steps = Steps(lengths: [length, 7])
        let padded = layer(input, passing: &steps)
        let alone = layer(input.slice(0..<1, axis: 0).slice(0..<length, axis: 1))
        let row = padded.at(0, axis: 0)
        let shown = alone.rank == 3 ? row.slice(0..<alone.shape[1], axis: 0) : row
        expectClose(shown, alone.at(0, axis: 0), "\(layer) at \(length)")
        if alone.rank == 3 { #expect(steps.lengths?[0] == alone.shape[1]) }
      }
    }
  }

  @Test("pooling is what it says")
  func pooling() {
    let x = Tensor([1, 5, 2, 4, 3], shape: [1, 5, 1])
    #expect(Pooling1D(.maximum, size: 2)(x).values == [5, 4])
    #expect(Pooling1D(.average, size: 2)(x).values == [3, 3])
    #expect(Pooling1D(.maximum, size: 2, padding: .same)(x).values == [5, 4, 3])
    expectClose(
      Pooling1D(.average, size: 3, stride: 1, padding: .same)(x),
      Tensor([3, 8.0 / 3, 11.0 / 3, 3, 3.5], shape: [1, 5, 1]))
    #expect(GlobalPooling1D(.maximum)(x).values == [5] && GlobalPooling1D(.average)(x).values == [3])
    #expect(GlobalPooling1D(.maximum)(x * -1, lengths: [0]).values == [0])
    #expect(TimeReversal()(x, lengths: [3]).values == [2, 5, 1, 0, 0])
    // The last step is the last that is there.
    let gaps = Steps(lengths: [4], present: [[true, true, false, false, true]])
    #expect(LastStep()(x, lengths: [3]).values == [2] && LastStep()(x, steps: gaps).values == [5])
  }

  @Test("noise is there in training alone")
  func noise() {
    var generator = RandomGenerator(seed: 2)
    let (layer, input) = (GaussianNoise(0.5), Tensor.zeros([40, 50]))
    #expect(layer(input) == input)
    var seen = Tensor(0)
    _ = valueAndGradient(at: [Dense(inputSize: 50, outputSize: 1)], training: true, using: &generator) { model in
      seen = layer(input).detached
      return model[0](seen).sum()
    }
    #expect(abs(seen.mean().item) < 0.05 && abs(seen.squared.mean().item - 0.25) < 0.03)
  }
}

/// An input to differentiate by.
private struct Values: TensorGroup {
  var x: Tensor

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("x", &x) }
}
