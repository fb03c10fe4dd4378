import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Attention")
struct AttentionTests {
  private let fixture = try! Fixture("attention")

  @Test("equals PyTorch's: contexts, weights and all gradients", arguments: AttentionScore.allCases)
  func parity(score: AttentionScore) throws {
    let expected = fixture.under(score.rawValue)
    let steps = Steps(lengths: try expected.integers("lengths"))
    var attention = Attention(score, querySize: 4, keySize: 4, size: 3)
    for (name, tensor) in attention.namedTensors where tensor.count > 0 { #expect(expected.has(name)) }
    attention.forEachTensor { name, tensor in if tensor.count > 0 { tensor = try! expected(name) } }
    let (queries, keys) = (try expected("queries"), try expected("keys"))
    let found = attention(queries, over: keys, steps: steps)
    expectClose(found.context, try expected("context"), "the context")
    expectClose(found.weights, try expected("weights"), "the weights")
    let cotangents = [try expected("cotangent.context"), try expected("cotangent.weights")]
    func loss(_ attention: Attention, _ queries: Tensor, _ keys: Tensor) -> Tensor {
      let found = attention(queries, over: keys, steps: steps)
      return (found.context * cotangents[0]).sum() + (found.weights * cotangents[1]).sum()
    }
    let byWeights = valueAndGradient(at: attention) { loss($0, queries, keys) }.gradient
    for (name, tensor) in byWeights.namedTensors where tensor.count > 0 {
      expectClose(tensor, try expected("grad.\(name)"), "the gradient by \(name)")
    }
    let byOperands = valueAndGradient(at: [queries, keys]) { loss(attention, $0[0], $0[1]) }.gradient
    expectClose(byOperands[0], try expected("grad.queries"), "the gradient by the queries")
    expectClose(byOperands[1], try expected("grad.keys"), "the gradient by the keys")

    let one = attention(queries.at(1, axis: 1), over: keys, steps: steps)
    expectClose(one.context, found.context.at(1, axis: 1))
    expectClose(one.weights, found.weights.at(1, axis: 1))
  }

  @Test(
    "steps that are not there have no weight and no influence, and no steps make a context of 0",
    arguments: AttentionScore.allCases)
  func gaps(score: AttentionScore) {
    let steps = Steps(lengths: [5, 0, 3, 5], present: StepsTests.flags(["10111", "11111", "01000", "00000"]))
    let attention = Attention(score, querySize: 4, keySize: 4, size: 3)
    let (queries, keys) = (ramp([4, 2, 4]), ramp([4, 5, 4], 3))
    let mask = steps.mask(batch: 4, time: 5).reshaped([4, 5, 1])
    func outcome(_ keys: Tensor) -> [Tensor] {
      let found = attention(queries, over: keys, steps: steps)
      return [found.context, found.weights]
    }
    func gradients(_ keys: Tensor) -> [Tensor] {
      func loss(_ attention: Attention, _ keys: Tensor) -> Tensor {
        let found = attention(queries, over: keys, steps: steps)
        return (found.context * ramp([4, 2, 4], 5)).sum() + (found.weights * ramp([4, 2, 5], 6)).sum()
      }
      return valueAndGradient(at: attention) { loss($0, keys) }.gradient.tensors
        + [valueAndGradient(at: keys) { loss(attention, $0) }.gradient]
    }
    for garbage in [Float.nan, .infinity, 1e30] {
      let spoiled = select(mask, keys, Tensor(garbage))
      expectSameBits(outcome(spoiled), outcome(keys))
      expectSameBits(gradients(spoiled), gradients(keys))
    }
    let (context, weights) = attention(queries, over: keys, steps: steps)
    #expect(context.at(1, axis: 0) == .zeros([2, 4]) && context.at(3, axis: 0) == .zeros([2, 4]))
    #expect(weights.at(1, axis: 0) == .zeros([2, 5]))
    let absent = select(mask.reshaped([4, 1, 5]), Tensor(0), weights)
    #expect(absent == .zeros([4, 2, 5]))
    for row in [0, 2] {
      for sum in weights.at(row, axis: 0).sum(axes: [1]).values { #expect(abs(sum - 1) < 1e-5) }
      // One step alone has all the weight.
      if row == 2 {
        expectClose(
          context.at(2, axis: 0), stack([keys.at(2, axis: 0).at(1, axis: 0), keys.at(2, axis: 0).at(1, axis: 0)]))
      }
    }
    expectGradientMatchesDifferences(at: [queries, keys]) { tensors in
      let found = attention(tensors[0], over: tensors[1], steps: steps)
      return [found.context, found.weights]
    }
  }

  @Test("pooling equals PyTorch's, and stands in a model in the place of the last output")
  func pooling() throws {
    let expected = fixture.under("pooling")
    let lengths = try expected.integers("lengths")
    var generator = RandomGenerator(seed: 1)
    let layer = try AttentionPooling(size: 3).built(for: [nil, nil, 4], using: &generator).filled(from: expected)
    let (x, cotangent) = (try expected("x"), try expected("cotangent"))
    expectClose(layer(x, lengths: lengths), try expected("output"), "the output")
    expectClose(layer.weights(of: x, steps: Steps(lengths: lengths)), try expected("weights"), "the weights")
    let gradient = valueAndGradient(at: layer) { ($0(x, lengths: lengths) * cotangent).sum() }.gradient
    for (name, tensor) in gradient.namedTensors {
      expectClose(tensor, try expected("grad.\(name)"), "the gradient by \(name)")
    }
    let byInput = valueAndGradient(at: x) { (layer($0, lengths: lengths) * cotangent).sum() }.gradient
    expectClose(byInput, try expected("grad.x"), "the gradient by x")
    let turned = Steps(lengths: lengths, layout: .timeFirst)
    expectSameBits(layer(x.transposed([1, 0, 2]), steps: turned), layer(x, lengths: lengths))

    let model = Sequential(inputSize: 3, seed: 1) {
      LSTM(5, returning: .everyStep)
      AttentionPooling()
      Dense(2)
    }
    #expect(model(ramp([2, 6, 3]), lengths: [6, 3]).shape == [2, 2])
    #expect(model.namedTensors.map(\.name).contains("1.weight_score"))
  }
}
