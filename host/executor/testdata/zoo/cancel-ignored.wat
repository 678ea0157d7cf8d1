;; tries: to go on when its job is cancelled
;; must: cancelled "the job was cancelled and did not stop within 50ms, so it was killed" at run
;; limits: cancel_time = "50ms"
;; cancel: 30ms
;; in bad
(loop $l (br $l))
