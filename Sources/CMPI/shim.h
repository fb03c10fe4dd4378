#include <mpi.h>

// What every MPI has as macros that do not reach Swift, and handles whose types differ from one to another.

typedef struct {
  MPI_Request request;
} refrain_mpi_request;

// Calls come from one thread at a time. Returns whether they may.
static inline int refrain_mpi_start(void) {
  int provided = 0;
  return MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided) == MPI_SUCCESS
    && provided >= MPI_THREAD_SERIALIZED;
}

static inline int refrain_mpi_rank(void) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

static inline int refrain_mpi_count(void) {
  int count = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &count);
  return count;
}

static inline int refrain_mpi_name_length(void) { return MPI_MAX_PROCESSOR_NAME; }

static inline void refrain_mpi_name(char *name) {
  int length = 0;
  MPI_Get_processor_name(name, &length);
}

static inline refrain_mpi_request refrain_mpi_begin_sum(float *values, int count) {
  refrain_mpi_request begun;
  MPI_Iallreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &begun.request);
  return begun;
}

static inline refrain_mpi_request refrain_mpi_begin_gather(const void *own, void *all, int bytes) {
  refrain_mpi_request begun;
  MPI_Iallgather(own, bytes, MPI_BYTE, all, bytes, MPI_BYTE, MPI_COMM_WORLD, &begun.request);
  return begun;
}

static inline refrain_mpi_request refrain_mpi_begin_broadcast(void *values, int bytes) {
  refrain_mpi_request begun;
  MPI_Ibcast(values, bytes, MPI_BYTE, 0, MPI_COMM_WORLD, &begun.request);
  return begun;
}

static inline int refrain_mpi_is_done(refrain_mpi_request *begun) {
  int done = 0;
  MPI_Test(&begun->request, &done, MPI_STATUS_IGNORE);
  return done;
}

static inline void refrain_mpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }
static inline void refrain_mpi_end(void) { MPI_Finalize(); }
