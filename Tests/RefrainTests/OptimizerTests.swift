import Refrain
import RefrainTestSupport
import Testing

@Suite("Optimizers") struct OptimizerTests {
  private let fixture = try! Fixture("optimizers")

  private static let all: [(String, any Optimizer)] = [
    ("sgd", SGD(learningRate: 0.1)),
    ("sgd_momentum", SGD(learningRate: 0.1, momentum: 0.9)),
    ("sgd_nesterov", SGD(learningRate: 0.1, momentum: 0.9, nesterov: true)),
    ("sgd_decay", SGD(learningRate: 0.1, weightDecay: 0.05)),
    ("sgd_nesterov_decay", SGD(learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.05)),
    ("adam", Adam()),
    ("adam_decay", Adam(learningRate: 0.05, beta1: 0.8, beta2: 0.99, weightDecay: 0.05)),
    ("adamw", AdamW()),
    ("adamw_decay", AdamW(learningRate: 0.05, beta1: 0.8, beta2: 0.99, weightDecay: 0.2)),
    ("rmsprop", RMSprop()),
    ("rmsprop_momentum", RMSprop(learningRate: 0.02, alpha: 0.9, momentum: 0.9)),
    ("rmsprop_centered", RMSprop(learningRate: 0.02, alpha: 0.9, centered: true)),
    ("rmsprop_decay", RMSprop(learningRate: 0.02, weightDecay: 0.05)),
    ("adagrad", Adagrad()),
    ("adagrad_lr_decay", Adagrad(learningRate: 0.1, learningRateDecay: 0.1)),
    ("adagrad_decay", Adagrad(learningRate: 0.1, weightDecay: 0.05, initialAccumulator: 0.1)),
  ]

  @Test("twenty steps of every optimizer equal PyTorch's", arguments: all.indices)
  func twentySteps(index: Int) throws {
    let (name, optimizer) = Self.all[index]
    func run(_ kind: String, _ optimizer: some Optimizer, _ gradientAt: (Int, Pair) throws -> Pair) throws {
      var optimizer = optimizer
      var pair = try Pair(a: fixture("initial.a"), b: fixture("initial.b"))
      for step in 0..<20 {
        try optimizer.update(&pair, along: gradientAt(step, pair))
        #expect(try agree(pair.a, fixture("\(name).\(kind).a").at(step, axis: 0)), "\(name), \(kind), a, step \(step)")
        // Value by value: one of them has tiny gradients.
        for (actual, expected) in try zip(pair.b.values, fixture("\(name).\(kind).b").at(step, axis: 0).values) {
          #expect(abs(actual - expected) <= 2e-6 + 1e-5 * abs(expected), "\(name), \(kind), b, step \(step)")
        }
      }
    }
    try run("given", optimizer) { step, _ in
      try Pair(a: fixture("gradients.a").at(step, axis: 0), b: fixture("gradients.b").at(step, axis: 0))
    }
    let target = try Pair(a: fixture("target.a"), b: fixture("target.b"))
    try run("quadratic", optimizer) { _, pair in Pair(a: pair.a * 2 - target.a, b: pair.b * 2 - target.b) }
  }

  @Test("clipping by the global norm and by value equals PyTorch's")
  func clipping() throws {
    let before = try Pair(a: fixture("clip.before.a"), b: fixture("clip.before.b"))
    #expect(try agree([before.globalNorm], fixture("clip.norm_1.total").values))
    let cases = [
      ("norm_1", before.clipped(globalNorm: 1)), ("norm_100", before.clipped(globalNorm: 100)),
      ("value_half", before.clipped(value: 0.5)),
    ]
    for (name, clipped) in cases {
      #expect(try agree(clipped.a, fixture("clip.\(name).a"), within: 1e-6), "\(name)")
      #expect(try agree(clipped.b, fixture("clip.\(name).b"), within: 1e-6), "\(name)")
    }
    var changed = before
    #expect(changed.clip(globalNorm: 1) == before.globalNorm)
    #expect(changed.a == cases[0].1.a)
    #expect(before.clipped(globalNorm: 100).a == before.a)
  }

  /// A table of which the gradient uses some rows, one of them twice, and another parameter.
  private func sparseStep(_ pair: Pair, _ step: Int) -> (sparse: Pair, dense: Pair) {
    let rows = [[1, 4, 1], [4, 2, 0], [1, 1, 6]][step % 3]
    let gradient = valueAndGradient(at: pair) { pair in
      (pair.a.gatheringRows(rows) * pair.b).squared.sum()
    }.gradient
    #expect(gradient.a.sparseRows != nil)
    let dense = Tensor(gradient.a.values, shape: gradient.a.shape)
    #expect(dense.sparseRows == nil)
    return (gradient, Pair(a: dense, b: gradient.b))
  }

  private func table() -> Pair {
    var generator = RandomGenerator(seed: 3)
    return Pair(a: .normal([8, 3], using: &generator), b: .normal([3], using: &generator))
  }

  @Test("a sparse gradient gives what the same dense one gives", arguments: all.indices)
  func sparseGradients(index: Int) {
    func run(_ optimizer: some Optimizer) {
      var (bySparse, byDense) = (optimizer, optimizer)
      var (first, second) = (table(), table())
      for step in 0..<6 {
        let (sparse, dense) = sparseStep(second, step)
        bySparse.update(&first, along: sparse)
        byDense.update(&second, along: dense)
        #expect(first.a == second.a && first.b == second.b, "\(Self.all[index].0), step \(step)")
      }
    }
    run(Self.all[index].1)
  }

  @Test("rows that are not used stay bit for bit, with their memory")
  func unusedRows() {
    let start = table()
    var sgd = start
    var plain = SGD(learningRate: 0.1)
    plain.update(&sgd, along: sparseStep(start, 0).sparse)
    var adagradModel = start
    var adagrad = Adagrad(learningRate: 0.1)
    adagrad.update(&adagradModel, along: sparseStep(start, 0).sparse)
    for row in [0, 2, 3, 5, 6, 7] {
      #expect(sgd.a.at(row, axis: 0) == start.a.at(row, axis: 0))
      #expect(adagradModel.a.at(row, axis: 0) == start.a.at(row, axis: 0))
      #expect(adagrad.state.moments[0][0].at(row, axis: 0) == .zeros([3]))
    }
    #expect(sgd.a.at(1, axis: 0) != start.a.at(1, axis: 0))
  }

  @Test("clipping leaves sparse gradients sparse, and equals clipping dense ones")
  func sparseClipping() {
    let (sparse, dense) = sparseStep(table(), 0)
    #expect(sparse.globalNorm > 0.5)
    #expect(agree([sparse.globalNorm], [dense.globalNorm], within: 1e-6))
    let clipped = sparse.clipped(globalNorm: 0.5)
    #expect(clipped.a.sparseRows?.indices == [1, 4])
    #expect(agree([clipped.globalNorm], [0.5]))
    #expect(agree(clipped.a, dense.clipped(globalNorm: 0.5).a, within: 1e-6))
    #expect(sparse.clipped(value: 0.1).a == dense.clipped(value: 0.1).a)
    #expect(sparse.clipped(value: 0.1).a.sparseRows != nil)
  }

  @Test("the state is a group that can be saved and brought back")
  func state() {
    var optimizer = AdamW(learningRate: 0.1)
    var pair = table()
    for step in 0..<3 { optimizer.update(&pair, along: sparseStep(pair, step).dense) }
    #expect(
      optimizer.state.namedTensors.map(\.name) == ["step", "a.exp_avg", "a.exp_avg_sq", "b.exp_avg", "b.exp_avg_sq"])
    #expect(optimizer.state.step == 3)

    var restored = AdamW(learningRate: 0.1)
    restored.prepare(for: pair)
    restored.state = restored.state.replacingTensors(optimizer.state.tensors)
    var (first, second) = (pair, pair)
    let gradient = sparseStep(pair, 1).dense
    optimizer.update(&first, along: gradient)
    restored.update(&second, along: gradient)
    #expect(first.a == second.a && first.b == second.b)
    #expect(restored.state.step == 4)
  }

  @Test("a copy of a model or an optimizer goes its own way")
  func copies() {
    let start = table()
    var (model, optimizer) = (start, SGD(learningRate: 0.1, momentum: 0.9))
    optimizer.update(&model, along: sparseStep(start, 0).dense)
    let (keptModel, keptOptimizer) = (model, optimizer)
    let (keptValues, keptMoment) = (model.a.values, optimizer.state.moments[0][0].values)
    optimizer.update(&model, along: sparseStep(start, 1).dense)
    #expect(start.a == table().a)
    #expect(keptModel.a.values == keptValues && model.a.values != keptValues)
    #expect(keptOptimizer.state.moments[0][0].values == keptMoment)
    #expect(keptOptimizer.state.step == 1 && optimizer.state.step == 2)
  }

  @Test("an update is made in place: no memory of the model or the state is copied")
  func inPlace() {
    func addresses(_ group: some TensorGroup) -> [UnsafeRawPointer?] {
      group.tensors.map { $0.withUnsafeValues { UnsafeRawPointer($0.baseAddress) } }
    }
    var (model, optimizer) = (table(), Adam())
    let gradient = sparseStep(model, 0).dense
    optimizer.update(&model, along: gradient)
    let (ofModel, ofMoments) = (addresses(model), addresses(optimizer.state).dropFirst())
    optimizer.update(&model, along: gradient)
    #expect(addresses(model) == ofModel)
    #expect(addresses(optimizer.state).dropFirst() == ofMoments)
  }

  /// The sign of the gradient alone (Bernstein et al. 2018).
  private struct SignDescent: Optimizer {
    var learningRate: Float = 0.5
    var state = OptimizerState()

    func update(_ run: ParameterRun) {
      for index in 0..<run.count where run.gradient[index] != 0 {
        run.parameter[index] -= run.gradient[index] > 0 ? learningRate : -learningRate
      }
    }
  }

  @Test("an optimizer of one's own supplies the rule alone")
  func ownOptimizer() {
    var optimizer = SignDescent()
    var x = Tensor([1, 2, 3])
    optimizer.update(&x, along: Tensor([7, 0, -3]))
    #expect(x.values == [0.5, 2, 3.5])
  }
}
