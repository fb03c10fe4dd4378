import Refrain
import Testing

@Suite("The same seed gives the same bits", .serialized) struct TrainingDeterminismTests {
  @Test("on one thread and on two")
  func threads() throws {
    let before = Parallelism.threads
    defer { Parallelism.threads = before }
    var generator = RandomGenerator(seed: 2)
    let tokens = Tensor((0..<64 * 12).map { $0 * 31 % 3000 }, shape: [64, 12])
    let classes = Tensor((0..<64).map { $0 * 7 % 5 })
    let lengths = (0..<64).map { _ in generator.integer(below: 12) + 1 }
    func train(_ threads: Int, _ optimizer: some Optimizer) throws -> (tensors: [Tensor], history: [Float]) {
      Parallelism.threads = threads
      var model = Sequential(seed: 4) {
        Embedding(3000, 48)
        LSTM(64)
        Dropout(0.2)
        Dense(5)
      }
      model.compile(optimizer: optimizer, loss: .crossEntropy, metrics: [.accuracy])
      let history = try model.fit(
        tokens, classes, lengths: lengths, epochs: 2, batchSize: 24, validation: .fraction(0.2), seed: 9,
        clipping: .globalNorm(0.5))
      return (model.tensors + [model.predict(tokens, lengths: lengths)], history.losses + history.validationLosses)
    }
    for optimizer in [Adam(learningRate: 0.01), Adagrad(learningRate: 0.05)] as [any Optimizer] {
      let (one, two) = (try train(1, optimizer), try train(2, optimizer))
      #expect(one.tensors == two.tensors)
      #expect(one.history == two.history)
      #expect(try one.tensors == train(1, optimizer).tensors)
    }
  }
  @Test("large tensors are updated and clipped the same on one thread and on two")
  func largeTensors() {
    let before = Parallelism.threads
    defer { Parallelism.threads = before }
    var generator = RandomGenerator(seed: 8)
    let start = Tensor.normal([300_001], using: &generator)
    let gradient = Tensor.normal([300_001], using: &generator)
    func run(_ threads: Int) -> (norm: Float, tensor: Tensor) {
      Parallelism.threads = threads
      var (tensor, optimizer) = (start, RMSprop(momentum: 0.5))
      for limit in [500, 100] as [Float] { optimizer.update(&tensor, along: gradient.clipped(globalNorm: limit)) }
      return (gradient.globalNorm, tensor)
    }
    let (one, two) = (run(1), run(2))
    #expect(one.norm == two.norm && one.tensor == two.tensor)
    let norm = gradient.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(Double(one.norm) - norm) < 1e-5 * norm)
  }
}
