import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Tensors are values")
struct TensorValueTests {
  @Test("changing a copy leaves the original, and the other way round")
  func copies() {
    let original = Tensor([[1, 2, 3], [4, 5, 6]])
    var copy = original
    copy[1, 2] = 60
    #expect(original.values == [1, 2, 3, 4, 5, 6])
    #expect(copy.values == [1, 2, 3, 4, 5, 60])

    var first = Tensor([1, 2])
    let kept = first
    first.withUnsafeMutableValues { $0[0] = 10 }
    #expect(kept.values == [1, 2] && first.values == [10, 2])
  }

  @Test("a view under another shape shares memory until one side is written")
  func views() {
    let original = Tensor([1, 2, 3, 4])
    var view = original.reshaped([2, 2])
    #expect(original.withUnsafeValues { $0.baseAddress } == view.withUnsafeValues { $0.baseAddress })
    view[0, 1] = 20
    #expect(original.values == [1, 2, 3, 4] && view.values == [1, 20, 3, 4])
    var whole = original.slice(0..<4, axis: 0)
    whole *= 2
    #expect(original.values == [1, 2, 3, 4] && whole.values == [2, 4, 6, 8])
  }

  @Test("a tensor that nobody shares is changed in place")
  func inPlace() {
    var tensor = Tensor([1, 2, 3])
    let before = tensor.withUnsafeValues { $0.baseAddress }
    // After each write: memory that two copies in a row give back and take would look the same after the second.
    tensor[1] = 5
    #expect(tensor.withUnsafeValues { $0.baseAddress } == before)
    tensor.withUnsafeMutableValues { $0[2] = 7 }
    #expect(tensor.withUnsafeValues { $0.baseAddress } == before)
    #expect(tensor.values == [1, 5, 7])
    var copy = tensor
    copy[0] = 9
    #expect(copy.withUnsafeValues { $0.baseAddress } != before)
    #expect(tensor.withUnsafeValues { $0.baseAddress } == before)
  }

  @Test("a model kept aside keeps its weights while the other changes")
  func models() {
    var model = Dense(inputSize: 3, outputSize: 2)
    let kept = model
    let weights = model.weight.values
    model.forEachTensor { _, tensor in tensor = tensor + 1 }
    #expect(kept.weight.values == weights)
    #expect(model.weight.values != weights)
  }

  @Test("what is freed is reused, and never while somebody still reads it")
  func reuse() {
    let kept = (0..<20).map { Tensor(repeating: Float($0), shape: [100]) }
    for round in 0..<50 {
      let scratch = Tensor(repeating: -1, shape: [100])
      #expect(scratch.values.allSatisfy { $0 == -1 }, "round \(round)")
    }
    for (index, tensor) in kept.enumerated() { #expect(tensor.values.allSatisfy { $0 == Float(index) }) }
  }

  @Test("indices, scalars and text")
  func reading() {
    let tensor = Tensor([[1, 2], [3, 4], [5, 6]])
    #expect(tensor[2, 0] == 5 && tensor.rank == 2 && tensor.count == 6)
    #expect(Tensor(7).item == 7 && Tensor(7).shape == [] && Tensor(7).rank == 0)
    #expect(Tensor([3, 1] as [Int]).values == [3, 1])
    #expect(tensor.description == "Tensor([3, 2] [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])")
    #expect(Tensor(1.5).description == "Tensor(1.5)")
    #expect(Tensor.zeros([0, 3]).description == "Tensor([0, 3] [])")
    #expect(tensor == Tensor([1, 2, 3, 4, 5, 6]).reshaped([3, 2]))
    #expect(tensor != Tensor([1, 2, 3, 4, 5, 6]))
    #expect(Tensor([.nan]) != Tensor([.nan]))
  }

  @Test("a value that is infinite or no number is found wherever it stands", arguments: [1, 7, 16, 33, 100])
  func finiteness(count: Int) {
    for index in [0, count / 2, count - 1] {
      for bad in [Float.nan, .infinity, -.infinity] {
        var tensor = ramp([count])
        #expect(tensor.isFinite)
        tensor[index] = bad
        #expect(!tensor.isFinite, "\(bad) at \(index)")
      }
    }
  }

  @Test("random numbers have the range, the mean and the deviation asked for, and follow from the seed")
  func randomNumbers() {
    var generator = RandomGenerator(seed: 5)
    let uniform = Tensor.uniform([20_000], in: -2..<4, using: &generator)
    #expect(uniform.values.allSatisfy { (-2..<4).contains($0) })
    #expect((uniform.mean().item - 1).magnitude < 0.05)
    let normal = Tensor.normal([20_000], mean: 3, deviation: 2, using: &generator)
    #expect((normal.mean().item - 3).magnitude < 0.06)
    #expect(((normal - 3).squared.mean().item - 4).magnitude < 0.2)
    #expect(random([50], seed: 9) == random([50], seed: 9))
    #expect(random([50], seed: 9) != random([50], seed: 10))
    #expect(generator.permutation(100).sorted() == Array(0..<100))
  }
}
