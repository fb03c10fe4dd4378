extension Tensor {
  /// The valid steps of sequences `[B, T, …]`, or `[T, B, …]`, one sequence after another; the tensor itself where the
  /// steps do not fit it.
  func validSteps(_ steps: Steps) -> Tensor {
    guard rank >= 2, steps.lengths != nil || steps.present != nil else { return self }
    let (batch, time) = steps.extent(of: shape)
    guard steps.lengths?.count ?? batch == batch, (steps.lengths ?? []).allSatisfy({ $0 <= time }),
      steps.present?.count ?? batch == batch, (steps.present ?? []).allSatisfy({ $0.count == time })
    else { return self }
    let valid = Steps(lengths: steps.lengths, present: steps.present, layout: steps.layout)
    return reshaped([batch * time] + shape.dropFirst(2))
      .gatheringRows(valid.episodes(batch: batch, time: time).flatMap(\.self))
  }
}
