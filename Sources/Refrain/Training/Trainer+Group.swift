extension TrainingRun {
  /// Learns from a share of a batch, as the other processes of the group do from theirs. The gradient is exchanged
  /// while it is found, or, gathered over several batches, before the update.
  mutating func learn<O: Optimizer>(
    _ task: inout Task, _ model: inout Model, _ optimizer: inout O, _ share: BatchShare<Task.Batch>, continues: Bool,
    with together: GroupTraining
  ) throws(TrainingError) -> (loss: Float, examples: Int) {
    let batch = share.batch
    let isExchanged = trainer.accumulation == 1
    let drawn = position.drawn
    together.own = BatchSums()
    together.gradient.begin()
    together.gradient.weigh = { [unowned together] loss in
      together.own.loss = together.own.lossWeight > 0 ? Double(loss) * together.own.lossWeight : 0
      together.begin(at: drawn)
      return together.own.lossWeight
    }
    // What all processes draw as one would that has the whole batch, and what each draws of its own.
    let own = together.generator(lastGenerator)
    let rows = share.whole.map { together.rows(of: $0, generator: own) }
    var generator = rows == nil ? own : lastGenerator
    var found: (value: Float, gradient: Model)?
    if let batch {
      let penalties = trainer.penalties
      found = valueAndGradient(
        at: model, checkpointInterval: trainer.checkpointInterval, keeping: &statistics, using: &generator,
        rows: rows, watchedBy: together.gradient, hearsGradients: isExchanged
      ) { model in
        let loss = task.loss(of: model, on: batch, continues: continues)
        (together.own.weight, together.own.count) = (loss.weight, batch.count)
        together.own.lossWeight = task.lossWeight(of: batch, weight: loss.weight)
        return penalties.reduce(loss.value) { $0 + $1.value(of: model) }
      }
    } else {
      together.gradient.computed(0)
    }
    let sum = isExchanged ? try together.gradient.sum(found?.gradient.tensors) : nil
    try together.group.finish()
    let sums = try together.sums()
    let loss = sums.lossWeight > 0 ? Float(sums.loss / sums.lossWeight) : 0
    statistics = try together.mean(of: statistics, weight: together.own.lossWeight)
    let mean = sum.map { sum in
      model.replacingTensors(sum.tensors(sums.lossWeight > 0 ? Float(1 / sums.lossWeight) : 0))
    }
    let inGradient = mean?.firstNotFinite.map { "the gradient of \($0)" }
    guard loss.isFinite && inGradient == nil else {
      var place = found.flatMap { found in
        found.value.isFinite && found.gradient.firstNotFinite == nil
          ? nil : batch.flatMap { notFinite(task, model, $0, loss: found.value, inGradient: inGradient).place }
      }
      if let batch, let inData = batch.firstNotFinite { place = GroupTraining.dataMark + inData }
      throw try together.notFinite(
        loss.isFinite ? "the gradient" : "the loss", place, inGradient, epoch: position.epoch + 1,
        step: position.drawnInEpoch)
    }
    position.losses.add(Double(loss), weight: sums.weight)
    model.take(statistics)
    if let mean {
      try update(&model, &optimizer, along: mean, weight: sums.lossWeight, lastGenerator)
    } else {
      gathered.add(found?.gradient ?? model, weight: together.own.lossWeight)
      if gathered.count == trainer.accumulation { try update(&model, &optimizer, lastGenerator) }
    }
    return (loss, sums.count)
  }
}
